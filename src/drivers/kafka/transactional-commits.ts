import { type CommitNote, commitNote } from './commit-note.ts'
import { CommitPace } from './commit-pace.ts'
import { type Due, dueOf, type OffsetCommits } from './commits.ts'
import type { Group } from './kafkajs.ts'
import type { SourceSettings } from './source-settings.ts'
import type { Tenure } from './tenure.ts'
import type { KafkaTransactions } from './transactions.ts'

/** How long the end of an assignment waits for messages that are published in part, ms. */
const LAST_WAIT = 2_000

/**
 * Sends offsets as part of the transactions, together with what came of the messages. Records settled behind one that is
 * not are named beside the offset, so that a message that is held back holds back no other and is still taken exactly once.
 * What cannot be committed is aborted (KafkaTransactions.abort).
 */
export class TransactionalCommits implements OffsetCommits {
  readonly #tenures: () => Iterable<Tenure>
  readonly #transactions: KafkaTransactions
  readonly #pace: CommitPace
  #group: Group | undefined
  #running: Promise<void> | undefined

  constructor(
    tenures: () => Iterable<Tenure>,
    transactions: KafkaTransactions,
    pace: Pick<SourceSettings, 'commitInterval' | 'commitCount'>,
  ) {
    this.#tenures = tenures
    this.#transactions = transactions
    this.#pace = new CommitPace(pace, () => void this.flush())
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
    this.#running ??= this.#commit(() => this.#due()).finally(() => {
      this.#running = undefined
    })
    await this.#running
  }

  announce(tenure: Tenure): Promise<void> {
    this.#pace.calm()
    return this.#commit(() => {
      const due = this.#due().filter(other => other.tenure !== tenure)
      return tenure.ended ? due : [...due, noted(tenure, false)]
    })
  }

  async last(orderly: (tenure: Tenure) => boolean, fence: () => void): Promise<void> {
    this.#pace.calm()
    const tenures = [...this.#tenures()]
    if (tenures.length === 0) return fence()
    const due = () => {
      const last = tenures.filter(({ ended }) => !ended).map(tenure => noted(tenure, orderly(tenure)))
      fence()
      return last
    }
    await this.#commit(due, LAST_WAIT)
    fence()
  }

  lost(fence: () => void): void {
    this.#pace.calm()
    this.#transactions.abort('the group has given the partitions away')
    fence()
  }

  stop(): void {
    this.#pace.calm()
    this.#group = undefined
  }

  #due(): readonly Due[] {
    return [...this.#tenures()].filter(tenure => !tenure.ended && tenure.changed).map(tenure => noted(tenure, false))
  }

  async #commit(collect: () => readonly Due[], withinMs?: number): Promise<void> {
    const group = this.#group
    if (group === undefined) return
    let due: readonly Due[] = []
    let versions: readonly number[] = []
    try {
      await this.#transactions.commit(() => {
        due = collect()
        versions = due.map(({ tenure }) => tenure.version)
        return { group, offsets: due }
      }, withinMs)
      for (const [index, { tenure, offset }] of due.entries()) tenure.wasCommitted(offset, versions[index])
    } catch {
      // The source has been told.
    }
  }
}

function noted(tenure: Tenure, orderly: boolean): Due {
  const due = dueOf(tenure, orderly)
  const note: CommitNote = { attempts: due.metadata, settled: tenure.settledBeyond }
  return { ...due, metadata: commitNote(due.offset, note) }
}
