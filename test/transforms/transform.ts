import type { Message } from '../../src/core/message.ts'
import type { TransformContext, TransformFactory, TransformResult } from '../../src/core/ports.ts'
import { quiet } from '../../src/core/quiet-log.ts'

export const CONTEXT: TransformContext = { route: 'orders', baseDir: import.meta.dirname, log: quiet }

/** A transform with these options, as a function that must answer at once. */
export function make(factory: TransformFactory, options: unknown, baseDir = CONTEXT.baseDir) {
  const transform = factory.create(options, { ...CONTEXT, baseDir })
  if (typeof transform !== 'function') throw new Error(`${factory.name} has to be created at once`)
  return (message: Message): TransformResult => {
    const result = transform(message)
    if (result instanceof Promise) throw new Error(`${factory.name} has to answer at once`)
    return result
  }
}

/** The same for a transform that must answer with one message. */
export function one(factory: TransformFactory, options: unknown): (message: Message) => Message {
  const transform = make(factory, options)
  return message => {
    const result = transform(message)
    if (result === undefined || Array.isArray(result)) throw new Error(`${factory.name} has to answer with one message`)
    return result as Message
  }
}
