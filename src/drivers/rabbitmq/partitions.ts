import type { SourceOptions } from './source-options.ts'

/** A source whose messages are spread over several queues. */
export type PartitionedOptions = SourceOptions & { readonly queue: string; readonly partitions: number }

export function isPartitioned(options: SourceOptions): options is PartitionedOptions {
  return options.partitions !== undefined && options.queue !== undefined
}

export function partitionNames({ queue, partitions }: PartitionedOptions): string[] {
  return Array.from({ length: partitions }, (_, i) => `${queue}.${i}`)
}

/** Arguments of the consistent-hash exchange: what is hashed instead of the routing key. */
export function hashArguments({ partitionBy }: SourceOptions): Record<string, string> {
  if (partitionBy === undefined) return {}
  return 'header' in partitionBy ? { 'hash-header': partitionBy.header } : { 'hash-property': partitionBy.property }
}

/** What one partition's own source is opened with. */
export function partitionOptions(options: PartitionedOptions, queue: string, priority: number): SourceOptions {
  const { partitions: _count, partitionBy: _by, bind: _bind, type = 'quorum', ...rest } = options
  return { ...rest, queue, type, singleActiveConsumer: true, priority }
}

/** The partition's key as an expression over received messages; undefined where no expression gives it. */
export function partitionExpression(options: SourceOptions): string | undefined {
  if (!isPartitioned(options)) return undefined
  const { partitionBy } = options
  if (partitionBy === undefined) return 'subject'
  if ('header' in partitionBy)
    return /^[A-Za-z_]\w*$/.test(partitionBy.header)
      ? `headers.${partitionBy.header}`
      : `headers[${JSON.stringify(partitionBy.header)}]`
  return partitionBy.property === 'message_id' ? 'id' : undefined
}

const FRACTION = 2 ** 20

/**
 * Consumer priorities that spread partitions over gateways without a word between them: each draws an order of preference by
 * chance, and a partition goes to the one that prefers it most. Every gateway has the same preferences to give, so of two with
 * as many partitions neither goes without.
 * @param random 0 ≤ x < 1
 */
export function drawPriorities(partitions: number, random: () => number = Math.random): number[] {
  const ranks = Array.from({ length: partitions }, (_, i) => i)
  for (let i = partitions - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    ;[ranks[i], ranks[j]] = [ranks[j]!, ranks[i]!]
  }
  // Equal ranks must not be equal priorities: then whoever comes first would keep it.
  return ranks.map(rank => rank * FRACTION + Math.floor(random() * FRACTION))
}
