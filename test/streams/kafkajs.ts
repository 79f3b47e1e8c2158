import { createRequire } from 'node:module'
import { dirname, sep } from 'node:path'

type Kafkajs = typeof import('kafkajs')

const require = createRequire(import.meta.url)

/**
 * A copy of kafkajs of its own: the driver under test changes the one it loads, and a witness must not read through
 * those changes. `require.cache` is left as it was found.
 */
export function ownKafkajs(): Kafkajs {
  const folder = dirname(require.resolve('kafkajs/package.json')) + sep
  const theirs = Object.entries(require.cache).filter(([path]) => path.startsWith(folder))
  for (const [path] of theirs) delete require.cache[path]
  const filter = require.resolve('kafkajs/src/consumer/filterAbortedMessages.js')
  require(filter)
  require.cache[filter]!.exports = committed
  const kafkajs = require('kafkajs') as Kafkajs
  quieten(require('kafkajs/src/network/requestQueue/index.js') as RequestQueueClass)
  for (const path of Object.keys(require.cache)) if (path.startsWith(folder)) delete require.cache[path]
  for (const [path, module] of theirs) require.cache[path] = module
  return kafkajs
}

interface RequestQueueClass {
  readonly prototype: {
    scheduleCheckPendingRequests(this: { readonly pending: readonly unknown[]; readonly throttledUntil: number }): void
  }
}

// It sets a timer for a moment in the past at every answer, about which Node 24 warns in the tests' output.
function quieten({ prototype }: RequestQueueClass): void {
  const schedule = prototype.scheduleCheckPendingRequests
  prototype.scheduleCheckPendingRequests = function (this): void {
    if (this.pending.length > 0 || this.throttledUntil > Date.now()) schedule.call(this)
  }
}

interface Fetched {
  readonly offset: string
  readonly key: Buffer | null
  readonly isControlRecord: boolean
  readonly batchContext: { readonly producerId: string; readonly inTransaction: boolean }
}

interface FetchedPartition {
  readonly messages: Fetched[]
  readonly abortedTransactions?: readonly { readonly producerId: string; readonly firstOffset: string }[]
}

// It believes that aborted transactions begin in the order in which they are listed, which is that of their ends, and lets
// records of overlapping ones through: a witness of committed records would see what was never committed.
function committed({ messages, abortedTransactions = [] }: FetchedPartition): Fetched[] {
  const ends = (producer: string, from: bigint) =>
    messages.find(
      one =>
        one.isControlRecord &&
        one.batchContext.producerId === producer &&
        BigInt(one.offset) >= from &&
        one.key?.readUInt16BE(2) === 0,
    )?.offset
  const spans = (abortedTransactions ?? []).map(({ producerId, firstOffset }) => ({
    producerId,
    from: BigInt(firstOffset),
    to: BigInt(ends(producerId, BigInt(firstOffset)) ?? '9223372036854775807'),
  }))
  return messages.filter(({ offset, isControlRecord, batchContext: { inTransaction, producerId } }) => {
    if (isControlRecord || !inTransaction) return true
    const at = BigInt(offset)
    return !spans.some(span => span.producerId === producerId && span.from <= at && at < span.to)
  })
}
