import type { Log } from '../../core/ports.ts'
import { CommitPace } from './commit-pace.ts'
import { kafkaError } from './errors.ts'
import { type Group, isRebalance } from './kafkajs.ts'
import type { SourceSettings } from './source-settings.ts'
import { commitTopics } from './start-offsets.ts'
import type { Tenure } from './tenure.ts'

/** Pause after a commit that failed, ms. */
const LEAST_PAUSE = 1_000

/** Sends the offsets of what is settled. None of the calls throws. */
export interface OffsetCommits {
  /** The membership through which to commit from now on. */
  use(group: Group): void
  /** One more message is settled. */
  settled(): void
  /** Commits what is settled now. What could not be committed is tried again, or delivered again. */
  flush(): Promise<void>
  /** Commits what is settled, and the note of the tenure's partition in any case. */
  announce(tenure: Tenure): Promise<void>
  /**
   * Commits what is settled, for assignments that end with it: `fence` ends them in the same tick, so that no ack is taken
   * that is not committed. `orderly`: the assignment does not count as a delivery of what is unsettled.
   */
  last(orderly: (tenure: Tenure) => boolean, fence: () => void): Promise<void>
  /** The assignments are lost already: nothing can be committed. */
  lost(fence: () => void): void
  stop(): void
}

/** Sends the offsets of what is settled: after an interval, after a count of messages, and when asked. */
export class Commits implements OffsetCommits {
  readonly #tenures: () => Iterable<Tenure>
  readonly #relocate: () => Promise<void>
  readonly #pace: CommitPace
  readonly #log: Log
  #group: Group | undefined
  #running: Promise<void> | undefined
  #failing = false

  constructor(
    tenures: () => Iterable<Tenure>,
    relocate: () => Promise<void>,
    pace: Pick<SourceSettings, 'commitInterval' | 'commitCount'>,
    log: Log,
  ) {
    this.#relocate = relocate
    this.#tenures = tenures
    this.#pace = new CommitPace(pace, () => void this.flush())
    this.#log = log
  }

  use(group: Group): void {
    this.#group = group
  }

  settled(): void {
    this.#pace.settled()
  }

  async flush(): Promise<void> {
    this.#pace.calm()
    await this.#running
    this.#running ??= this.#send(this.#due()).finally(() => {
      this.#running = undefined
    })
    await this.#running
  }

  async announce(tenure: Tenure): Promise<void> {
    while (this.#running !== undefined) await this.#running
    if (tenure.ended) return
    this.#pace.calm()
    const due = [...this.#due().filter(other => other.tenure !== tenure), dueOf(tenure, false)]
    this.#running = this.#send(due).finally(() => {
      this.#running = undefined
    })
    await this.#running
  }

  async last(orderly: (tenure: Tenure) => boolean, fence: () => void): Promise<void> {
    this.#pace.calm()
    const due = [...this.#tenures()].map(tenure => dueOf(tenure, orderly(tenure)))
    fence()
    await this.#running
    await this.#send(due)
  }

  lost(fence: () => void): void {
    this.#pace.calm()
    fence()
  }

  stop(): void {
    this.#pace.calm()
    this.#group = undefined
  }

  #due(): readonly Due[] {
    return [...this.#tenures()]
      .filter(tenure => !tenure.ended && tenure.settledUpTo > tenure.committed)
      .map(tenure => dueOf(tenure, false))
  }

  async #send(due: readonly Due[]): Promise<void> {
    const group = this.#group
    if (group === undefined || due.length === 0) return
    // The request carries the generation of this assignment: the broker refuses it when that is over.
    const commit = () => group.commitOffsets({ topics: commitTopics(due) })
    try {
      await commit().catch(async (error: unknown) => {
        if (isRebalance(error)) throw error
        await this.#relocate()
        await commit()
      })
      for (const { tenure, offset } of due) tenure.wasCommitted(offset)
      this.#failing = false
    } catch (error) {
      if (!isRebalance(error)) this.#tryLater(group, error)
    }
  }

  #tryLater(group: Group, error: unknown): void {
    const err = kafkaError(error, 'committing offsets')
    if (!this.#failing) this.#log.warn({ group: group.groupId, err }, 'offsets could not be committed; trying again')
    this.#failing = true
    if (this.#group !== undefined) this.#pace.later(LEAST_PAUSE)
  }
}

/** The commit of one partition. */
export interface Due {
  readonly tenure: Tenure
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly metadata: string
}

export function dueOf(tenure: Tenure, orderly: boolean): Due {
  const { topic, partition, settledUpTo: offset, attempts } = tenure
  return { tenure, topic, partition, offset, metadata: orderly ? attempts.endNote(offset) : attempts.outNote(offset) }
}
