import type { Range } from '../../core/watermark.ts'
import type { StartOffset } from './start-offsets.ts'
import type { Tenure } from './tenure.ts'

/** A little longer than a membership tries to join again, ms. Later than that the topic may be another one of the same name. */
const LONGEST = 180_000

/**
 * What this consumer has settled under assignments that have ended. Their last commit may have failed: the coordinator is away
 * while its broker is down, and the new one has everybody join again. Where the partition comes back, it goes on behind what
 * it had settled and not at the last commit: thousands of messages less come twice.
 */
export class Recollection {
  readonly #ends = new Map<string, Pick<Tenure, 'committed' | 'settledUpTo' | 'settledBeyond'> & { at: number }>()

  /** The assignment ends. */
  keep({ sequence, committed, settledUpTo, settledBeyond }: Tenure): void {
    this.#ends.set(sequence, { committed, settledUpTo, settledBeyond, at: Date.now() })
  }

  /**
   * Where a partition begins that is assigned (again), and what is settled behind that. Only where the group stands at our last
   * commit, or at the one that was to follow: where others have committed since, or somebody has set the group back, or it has
   * no commit, that counts.
   */
  resume(
    start: StartOffset,
    settled: readonly Range[],
  ): { readonly offset: number; readonly settled: readonly Range[] } {
    const { topic, partition, offset, chosen } = start
    const end = this.#ends.get(`${topic}/${partition}`)
    const mine = end !== undefined && chosen !== true && Date.now() - end.at < LONGEST
    if (!mine || (offset !== end.committed && offset !== end.settledUpTo)) return { offset, settled }
    return { offset: end.settledUpTo, settled: end.settledBeyond }
  }

  /** The partitions are assigned: what was before is over. */
  forget(): void {
    this.#ends.clear()
  }
}
