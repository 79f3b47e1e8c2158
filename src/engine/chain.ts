import type { Message } from '../core/message.ts'
import type { Transform, TransformResult } from '../core/ports.ts'

type Answer = TransformResult | Promise<TransformResult>

/**
 * Several transforms as one. What a transform splits goes on piece by piece, in order; what it drops goes no further.
 * Nothing left at the end is `undefined` (counted as filtered). No promise is made unless a transform makes one.
 */
export function chain(transforms: readonly Transform[]): (message: Message) => Answer {
  if (transforms.length === 1) return message => settle(transforms[0]!(message))
  return message => run(transforms, 0, message)
}

function run(transforms: readonly Transform[], from: number, message: Message): Answer {
  let current = message
  for (let at = from; at < transforms.length; at++) {
    const answer = transforms[at]!(current)
    if (answer === undefined) return undefined
    if (isPromise(answer)) return answer.then(result => proceed(transforms, at + 1, result))
    if (isList(answer)) return proceed(transforms, at + 1, answer)
    current = answer
  }
  return current
}

function proceed(transforms: readonly Transform[], from: number, result: TransformResult): Answer {
  if (result === undefined) return undefined
  if (!isList(result)) return run(transforms, from, result)
  return from === transforms.length ? settle(result) : each(transforms, from, result, 0, [])
}

// Piece after piece, so that a plug-in which takes time sees them in their order and never all at once.
function each(
  transforms: readonly Transform[],
  from: number,
  pieces: readonly Message[],
  start: number,
  done: Message[],
): Answer {
  for (let at = start; at < pieces.length; at++) {
    const answer = run(transforms, from, pieces[at]!)
    if (isPromise(answer))
      return answer.then(result => {
        collect(result, done)
        return each(transforms, from, pieces, at + 1, done)
      })
    collect(answer, done)
  }
  return settle(done)
}

function collect(result: TransformResult, done: Message[]): void {
  if (result === undefined) return
  if (isList(result)) for (const message of result) done.push(message)
  else done.push(result)
}

function settle(answer: Answer): Answer {
  if (isPromise(answer)) return answer.then(settle)
  return isList(answer) && answer.length === 0 ? undefined : answer
}

const isPromise = (answer: Answer): answer is Promise<TransformResult> =>
  typeof answer === 'object' && 'then' in answer && typeof answer.then === 'function'

const isList = (answer: TransformResult): answer is readonly Message[] => Array.isArray(answer)
