import { describe, SluiceError } from '../core/errors.ts'
import { Headers } from '../core/headers.ts'
import { Message } from '../core/message.ts'
import type { Transform, TransformResult } from '../core/ports.ts'

export interface GuardOptions {
  /** Name of the transform, for the errors. */
  readonly name: string
  /** Longest time one call may take, in milliseconds; 0 = no limit. Code that never yields to the event loop cannot be cut. */
  readonly timeoutMs: number
}

/**
 * A plug-in's transform made safe. What it throws is TRANSFORM_FAILED, unless it is a SluiceError, which keeps its own
 * fate; what takes too long is TRANSFORM_HUNG and its late answer is ignored; an answer that is no message is
 * TRANSFORM_FAILED. A synchronous answer stays synchronous.
 */
export function guard(transform: Transform, options: GuardOptions): Transform {
  return message => {
    let answer: ReturnType<Transform>
    try {
      answer = transform(message)
    } catch (error) {
      throw failed(options.name, error)
    }
    return isThenable(answer) ? within(answer, options) : checked(answer, options.name)
  }
}

function within(answer: Promise<TransformResult>, { name, timeoutMs }: GuardOptions): Promise<TransformResult> {
  return new Promise((resolve, reject) => {
    const hung = () => reject(new SluiceError('TRANSFORM_HUNG', `"${name}" did not answer within ${timeoutMs} ms`))
    const timer = timeoutMs > 0 ? setTimeout(hung, timeoutMs) : undefined
    // After the timer has fired both of these do nothing, so a late answer or error has no effect.
    answer.then(
      result => {
        clearTimeout(timer)
        try {
          resolve(checked(result, name))
        } catch (error) {
          reject(error)
        }
      },
      (error: unknown) => {
        clearTimeout(timer)
        reject(failed(name, error))
      },
    )
  })
}

function failed(name: string, error: unknown): SluiceError {
  if (error instanceof SluiceError) return error
  return new SluiceError('TRANSFORM_FAILED', `"${name}" threw: ${describe(error)}`, { cause: error })
}

function checked(result: TransformResult, name: string): TransformResult {
  if (result === undefined || isMessage(result)) return result
  if (Array.isArray(result) && result.every(isMessage)) return result
  throw new SluiceError(
    'TRANSFORM_FAILED',
    `"${name}" must answer with a message, a list of messages or undefined, not ${nameOf(result)}`,
  )
}

// A plug-in may carry its own copy of this package, so that its messages are of another class.
function isMessage(value: unknown): value is Message {
  if (!(value instanceof Message) && !looksLikeMessage(value)) return false
  const { key, bytes, headers, subject } = value
  return (
    (key === null || typeof key === 'string' || Buffer.isBuffer(key)) &&
    (bytes === null || Buffer.isBuffer(bytes)) &&
    (headers instanceof Headers || Array.isArray((headers as Headers | undefined)?.entries)) &&
    typeof subject === 'string'
  )
}

function looksLikeMessage(value: unknown): value is Message {
  return typeof value === 'object' && value !== null && 'source' in value && 'with' in value && 'headers' in value
}

function nameOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return `a list with ${nameOf(value.find(item => !isMessage(item)))} in it`
  if (typeof value !== 'object') return `a ${typeof value}`
  return looksLikeMessage(value) ? 'a message with a field of the wrong type' : 'an object that is no message'
}

const isThenable = (answer: ReturnType<Transform>): answer is Promise<TransformResult> =>
  typeof answer === 'object' && answer !== null && 'then' in answer && typeof answer.then === 'function'
