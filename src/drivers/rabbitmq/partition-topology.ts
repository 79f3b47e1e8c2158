import { SluiceError } from '../../core/errors.ts'
import { replyCode, translate } from './errors.ts'
import type { Link, OpenLink } from './link.ts'
import { hashArguments, type PartitionedOptions, partitionNames, partitionOptions } from './partitions.ts'
import { onScratch } from './scratch.ts'
import { assertExchange, assertQueue, countQueue, requireQueue } from './topology.ts'

const TYPE = 'x-consistent-hash'
/** Of each queue alike: its share of the hash ring. */
const WEIGHT = '1'

/**
 * Makes sure of the queues, of the consistent-hash exchange that divides messages among them, and of its bindings. Throws
 * ADDRESS_MISMATCH when there is another number of partitions already, NOT_SUPPORTED without the plug-in, else as queues do.
 * @param isolated the exchange is declared on a connection of its own: a refusal may end the connection
 */
export async function assertPartitions(
  link: OpenLink,
  isolated: () => Link,
  options: PartitionedOptions,
  signal: AbortSignal,
): Promise<void> {
  const names = partitionNames(options)
  if (options.passive) {
    for (const name of names) await requireQueue(link, name, signal)
    return
  }
  await refuseOtherNumber(link, options, names, signal)
  await using own = isolated()
  await assertHashExchange(await own.open(signal), options, signal)
  // From the last to the first: where the first is, all are.
  for (const name of names.toReversed()) await assertQueue(link, name, partitionOptions(options, name, 0), signal)
  const exchange = options.queue
  await onScratch(link, signal, async channel => {
    for (const name of names) await channel.bindQueue(name, exchange, WEIGHT)
  }).catch(error => {
    throw translate(error, `bindings of the partitions of "${exchange}"`, 'UNAVAILABLE')
  })
  // Last: nothing comes in before every partition has its place on the ring.
  await bindExchange(link, options, signal)
}

async function assertHashExchange(link: OpenLink, options: PartitionedOptions, signal: AbortSignal): Promise<void> {
  const { queue: exchange } = options
  try {
    await onScratch(link, signal, channel =>
      channel.assertExchange(exchange, TYPE, { durable: true, arguments: hashArguments(options) }),
    )
  } catch (error) {
    if (/unknown exchange type|invalid exchange type/i.test(String((error as Error).message)))
      throw new SluiceError(
        'NOT_SUPPORTED',
        `partitions of "${exchange}": the broker has no consistent-hash exchange`,
        {
          hint: 'Enable it on every node: rabbitmq-plugins enable rabbitmq_consistent_hash_exchange.',
          cause: error,
        },
      )
    throw translate(error, `consistent-hash exchange "${exchange}"`, 'UNAVAILABLE')
  }
}

async function bindExchange(link: OpenLink, options: PartitionedOptions, signal: AbortSignal): Promise<void> {
  const { queue: destination, bind = [] } = options
  for (const { exchange, keys, arguments: args, type } of bind) {
    if (type !== undefined) await assertExchange(link, exchange, type, signal)
    try {
      await onScratch(link, signal, async channel => {
        for (const key of keys ?? ['']) await channel.bindExchange(destination, exchange, key, args ?? {})
      })
    } catch (error) {
      throw translate(error, `binding of exchange "${destination}" to exchange "${exchange}"`, 'UNAVAILABLE')
    }
  }
}

// With another number of queues keys move to other queues, past what waits in the old ones.
async function refuseOtherNumber(
  link: OpenLink,
  { queue, partitions }: PartitionedOptions,
  names: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  if (await exists(link, `${queue}.${partitions}`, signal))
    throw new SluiceError('ADDRESS_MISMATCH', `"${queue}" has more than ${partitions} partitions`, {
      hint: `Set \`partitions\` back, or let the queues from ${queue}.${partitions} on run empty and delete them.`,
    })
  const grows = (await exists(link, names[0]!, signal)) && !(await exists(link, names.at(-1)!, signal))
  if (!grows) return
  for (const name of names) {
    if (!(await exists(link, name, signal))) return
    const { messages, consumers } = await countQueue(link, name, signal)
    if (messages > 0 || consumers > 0)
      throw new SluiceError(
        'ADDRESS_MISMATCH',
        `"${queue}" has fewer than ${partitions} partitions, and they are in use`,
        {
          hint: 'Let them run empty, stop all gateways of the route, and start them with the new number.',
        },
      )
  }
}

async function exists(link: OpenLink, queue: string, signal: AbortSignal): Promise<boolean> {
  try {
    await onScratch(link, signal, channel => channel.checkQueue(queue))
    return true
  } catch (error) {
    if (replyCode(error) === 404) return false
    throw translate(error, `queue "${queue}"`, 'UNAVAILABLE')
  }
}
