import type { Options } from 'amqplib'
import { describe } from '../../core/errors.ts'
import { replyCode, translate } from './errors.ts'
import type { OpenLink } from './link.ts'
import { onScratch } from './scratch.ts'
import type { Binding, SourceOptions } from './source-options.ts'

export type QueueOptions = Pick<
  SourceOptions,
  'passive' | 'type' | 'durable' | 'autoDelete' | 'exclusive' | 'arguments' | 'singleActiveConsumer'
>

export interface Queue {
  readonly name: string
  /** Ours alone, to be deleted when we leave. */
  readonly temporary: boolean
  readonly stream: boolean
  /** Stays when its last consumer leaves for a moment, as far as we know. */
  readonly restartable: boolean
}

/** Makes sure of a named queue. Throws ADDRESS_MISSING, ADDRESS_MISMATCH, ADDRESS_IN_USE, ACCESS_DENIED. */
export async function assertQueue(
  link: OpenLink,
  name: string,
  options: QueueOptions,
  signal: AbortSignal,
): Promise<Queue> {
  const what = `queue "${name}"`
  if (options.passive) {
    await requireQueue(link, name, signal)
    return asItIs(name, options.type)
  }
  try {
    await onScratch(link, signal, channel => channel.assertQueue(name, declaration(options)))
  } catch (error) {
    const code = replyCode(error)
    const stated = isStated(options)
    // Nothing is said about an existing queue: it is taken as it is. Who may not declare may still consume.
    if (code === 406 && !stated) return asItIs(name, typeIn(error), !/'auto_delete'/.test(describe(error)))
    if (code === 403 && !stated) {
      await requireQueue(link, name, signal)
      return asItIs(name, undefined)
    }
    throw translate(error, what, 'UNAVAILABLE')
  }
  return { name, temporary: false, stream: queueType(options) === 'stream', restartable: !options.autoDelete }
}

/** A server-named queue that ends with us. */
export async function temporaryQueue(link: OpenLink, options: QueueOptions, signal: AbortSignal): Promise<Queue> {
  try {
    const declared = await onScratch(link, signal, channel =>
      // Not auto-delete: the channel may be opened anew with another prefetch. It is deleted on disposal instead.
      channel.assertQueue('', { exclusive: true, durable: false, autoDelete: false, arguments: options.arguments }),
    )
    return { name: declared.queue, temporary: true, stream: false, restartable: true }
  } catch (error) {
    throw translate(error, 'temporary queue', 'UNAVAILABLE')
  }
}

/** Throws ADDRESS_MISSING. */
export async function requireQueue(link: OpenLink, name: string, signal: AbortSignal): Promise<void> {
  try {
    await onScratch(link, signal, channel => channel.checkQueue(name))
  } catch (error) {
    throw translate(error, `queue "${name}"`, 'UNAVAILABLE')
  }
}

/** Declares the exchange when a type is given, else requires that it exists. */
export async function assertExchange(
  link: OpenLink,
  name: string,
  type: string | undefined,
  signal: AbortSignal,
): Promise<void> {
  try {
    await onScratch(link, signal, async channel => {
      if (type === undefined) await channel.checkExchange(name)
      else await channel.assertExchange(name, type, { durable: true })
    })
  } catch (error) {
    throw translate(error, `exchange "${name}"`, 'UNAVAILABLE')
  }
}

export async function bindQueue(
  link: OpenLink,
  queue: string,
  bindings: readonly Binding[],
  signal: AbortSignal,
): Promise<void> {
  for (const { exchange, keys, arguments: args, type } of bindings) {
    if (type !== undefined) await assertExchange(link, exchange, type, signal)
    try {
      await onScratch(link, signal, async channel => {
        for (const key of keys ?? ['']) await channel.bindQueue(queue, exchange, key, args ?? {})
      })
    } catch (error) {
      throw translate(error, `binding of queue "${queue}" to exchange "${exchange}"`, 'UNAVAILABLE')
    }
  }
}

export interface QueueCounts {
  /** Messages that no consumer holds. */
  readonly messages: number
  readonly consumers: number
}

export async function countQueue(link: OpenLink, queue: string, signal: AbortSignal): Promise<QueueCounts> {
  try {
    const { messageCount, consumerCount } = await onScratch(link, signal, channel => channel.checkQueue(queue))
    return { messages: messageCount, consumers: consumerCount }
  } catch (error) {
    throw translate(error, `queue "${queue}"`, 'UNAVAILABLE')
  }
}

export async function deleteQueue(link: OpenLink, queue: string, signal: AbortSignal): Promise<void> {
  await onScratch(link, signal, channel => channel.deleteQueue(queue))
}

function declaration(options: QueueOptions): Options.AssertQueue {
  const args: Record<string, unknown> = { ...options.arguments }
  if (options.type !== undefined) args['x-queue-type'] = options.type
  if (options.singleActiveConsumer) args['x-single-active-consumer'] = true
  return {
    durable: options.durable ?? true,
    autoDelete: options.autoDelete ?? false,
    exclusive: options.exclusive ?? false,
    arguments: args,
  }
}

// A default that is written out says no more than one that is not.
function isStated(options: QueueOptions): boolean {
  const { type, durable, autoDelete, exclusive, arguments: args, singleActiveConsumer } = options
  const besides = Object.keys(args ?? {}).length > 0
  return type !== undefined || durable === false || autoDelete || exclusive || besides || singleActiveConsumer || false
}

function queueType(options: QueueOptions): unknown {
  return options.type ?? options.arguments?.['x-queue-type']
}

function asItIs(name: string, type: string | undefined, restartable = true): Queue {
  return { name, temporary: false, stream: type === 'stream', restartable }
}

// RabbitMQ says: inequivalent arg 'x-queue-type' for queue … received none but current is the value 'quorum' …, and 4.0:
// received 'classic' but current is 'quorum'.
function typeIn(error: unknown): string | undefined {
  return /'x-queue-type'.*current is (?:the value )?'(\w+)'/s.exec(String((error as Error).message))?.[1]
}
