/** A record as kafkajs decodes it, as far as it says to which transaction it belongs. */
interface Fetched {
  readonly offset: string
  readonly key: Buffer | null
  readonly isControlRecord: boolean
  readonly batchContext: { readonly producerId?: string; readonly inTransaction?: boolean }
}

interface Aborted {
  readonly producerId: string
  readonly firstOffset: string
}

interface Partition<T> {
  readonly messages: readonly T[]
  readonly abortedTransactions?: readonly Aborted[] | null
}

/** Version and type of a control record that ends an aborted transaction. */
const ABORT_MARKER = Buffer.from([0, 0, 0, 0])

/**
 * What a reader of committed records gets of a fetched partition: all but the records of aborted transactions. Brokers list
 * those transactions by where they end, and a fetch may begin in the middle of several: so they are looked at in the order
 * in which they begin, and all that have begun. Only a control record ends one, whatever the key of an ordinary record is.
 */
export function withoutAborted<T extends Fetched>({ messages, abortedTransactions }: Partition<T>): readonly T[] {
  if (!abortedTransactions?.length) return messages
  const coming = abortedTransactions
    .map(({ producerId, firstOffset }) => ({ producerId: String(producerId), first: BigInt(firstOffset) }))
    .sort((a, b) => (a.first < b.first ? -1 : 1))
  const aborted = new Set<string>()
  return messages.filter(({ offset, key, isControlRecord, batchContext }) => {
    while (coming.length > 0 && coming[0]!.first <= BigInt(offset)) aborted.add(coming.shift()!.producerId)
    const producer = String(batchContext.producerId)
    if (isControlRecord) {
      if (key !== null && ABORT_MARKER.equals(key)) aborted.delete(producer)
      return true
    }
    return batchContext.inTransaction !== true || !aborted.has(producer)
  })
}
