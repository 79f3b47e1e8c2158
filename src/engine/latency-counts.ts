/** Buckets by powers of two, in units of 64 µs: 64 µs up to about 76 hours. */
const BUCKETS = 32
const UNITS_PER_SECOND = 15_625

/**
 * How long messages took, counted in buckets that grow by a factor of two: an addition per message. Two looks at the
 * counts give the quantiles of the time between them.
 */
export class LatencyCounts {
  readonly #counts = new Float64Array(BUCKETS)

  add(seconds: number): void {
    const bucket = 32 - Math.clz32(Math.min(seconds * UNITS_PER_SECOND, 0x7fff_ffff))
    this.#counts[Math.min(bucket, BUCKETS - 1)]!++
  }

  /** The counts so far, a copy. */
  look(): Float64Array {
    return this.#counts.slice()
  }
}

/** The quantile `q` (0–1) in seconds of what was counted between two looks; undefined when that is nothing. */
export function quantile(before: Float64Array | undefined, after: Float64Array, q: number): number | undefined {
  const counts = after.map((count, bucket) => count - (before?.[bucket] ?? 0))
  const all = counts.reduce((sum, count) => sum + count, 0)
  if (all <= 0) return undefined
  let left = q * all
  for (let bucket = 0; bucket < BUCKETS; bucket++) {
    const count = counts[bucket]!
    if (count > 0 && left <= count) {
      const from = bucket === 0 ? 0 : 2 ** (bucket - 1)
      return (from + (left / count) * (2 ** bucket - from)) / UNITS_PER_SECOND
    }
    left -= count
  }
  return undefined
}
