import type { Options } from 'amqplib'
import { describe } from '../../core/errors.ts'
import { replyCode, translate } from './errors.ts'
import type { OpenLink } from './link.ts'
import { onScratch } from './scratch.ts'

/** A value that no queue has: a declaration with it changes nothing, and the refusal says what the queue has instead. */
const NOT_OURS = 'sluice-doctor'
/** Tries to find out about a queue; RabbitMQ compares fewer arguments than that. */
const MOST_ARGUMENTS = 20

/** What AMQP tells of an existing queue. */
export interface Revealed {
  readonly type: string | undefined
  readonly deadLetters: string | undefined
}

/**
 * What an existing queue is. A declaration with a type that no queue has is refused, one argument that differs at a time: each
 * is taken over for the next try, until the type is what differs. Were the queue deleted meanwhile, none would be made.
 */
export async function reveal(link: OpenLink, name: string, signal: AbortSignal): Promise<Revealed> {
  const args: Record<string, unknown> = { 'x-queue-type': NOT_OURS }
  const flags = { durable: true, autoDelete: false }
  const deadLetters = () => args['x-dead-letter-exchange'] as string | undefined
  for (let tries = 0; tries < MOST_ARGUMENTS; tries++) {
    const refusal = await refused(link, name, { ...flags, arguments: args }, signal)
    const [, argument, value, kind] =
      /inequivalent arg '([^']+)'.* current is (?:the value )?'([^']*)'(?: of type '(\w+)')?/s.exec(refusal ?? '') ?? []
    if (argument === 'x-queue-type') return { type: value, deadLetters: deadLetters() }
    if (argument === 'durable') flags.durable = value === 'true'
    else if (argument === 'auto_delete') flags.autoDelete = value === 'true'
    // Before 4.0 a classic queue that was declared without a type says that it has none.
    else if (refusal?.includes("'x-queue-type'") === true) return { type: 'classic', deadLetters: deadLetters() }
    else if (argument === undefined) break
    else args[argument] = kind === 'longstr' || !/^-?\d+$/.test(value!) ? value : Number(value)
  }
  return { type: undefined, deadLetters: deadLetters() }
}

async function refused(
  link: OpenLink,
  name: string,
  declaration: Options.AssertQueue,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    await onScratch(link, signal, channel => channel.assertQueue(name, declaration))
    return undefined
  } catch (error) {
    signal.throwIfAborted()
    // Who may not declare is not told either.
    if (replyCode(error) === 403) return undefined
    if (replyCode(error) === 406) return describe(error)
    throw translate(error, `queue "${name}"`, 'UNAVAILABLE')
  }
}
