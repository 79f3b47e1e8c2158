import type { EndpointContext, Log } from '../../core/ports.ts'
import { pause } from '../../core/waiting.ts'
import { Attempts } from './attempts.ts'
import type { Bell } from './bell.ts'
import { commitNote, readNote } from './commit-note.ts'
import type { OffsetCommits } from './commits.ts'
import { kafkaError } from './errors.ts'
import { type Group, isRebalance, type JoinHooks } from './kafkajs.ts'
import type { Recollection } from './recollection.ts'
import type { SourceSettings } from './source-settings.ts'
import { commitTopics, type OffsetReader, startOffsets } from './start-offsets.ts'
import { Tenure } from './tenure.ts'

const COMMIT_DEADLINE = 3_000
/** With the pauses between them, a little more than two minutes. */
const JOIN_ATTEMPTS = 50
const LONGEST_PAUSE = 3_000

/** What becomes of the partitions around a rebalance. */
export interface MembershipEvents {
  /** Every tenure has ended. */
  fenced(): void
  /** New tenures have begun. */
  assigned(): void
}

/**
 * This consumer's place in the group: which partitions it holds, and since when.
 * Invariant 2: on revoke it stops handing out, lets what is out settle within a deadline, then fences and commits in one
 * move: no ack is taken that is not committed.
 * The broker waits for members to rejoin (rebalanceTimeout) and takes commits of the old generation meanwhile.
 */
export class Membership implements JoinHooks {
  readonly #settings: SourceSettings
  readonly #bell: Bell
  readonly #log: Log
  readonly #events: MembershipEvents
  readonly #signal: AbortSignal
  readonly #inFlight: number
  readonly #tenures = new Map<string, Tenure>()
  #recollection: Recollection | undefined
  #commits: OffsetCommits | undefined
  #read: OffsetReader | undefined
  #group: Group | undefined
  #relocating: Promise<void> | undefined
  /** Since when, ms since 1970. */
  #joining: number | undefined = Date.now()

  constructor(
    settings: SourceSettings,
    { log, inFlight }: Pick<EndpointContext, 'log' | 'inFlight'>,
    bell: Bell,
    events: MembershipEvents,
    signal: AbortSignal,
  ) {
    this.#inFlight = inFlight
    this.#settings = settings
    this.#bell = bell
    this.#log = log
    this.#events = events
    this.#signal = signal
  }

  /** @param recollection none where what was settled counts only with its commit. */
  commitThrough(commits: OffsetCommits, read: OffsetReader, recollection?: Recollection): void {
    this.#recollection = recollection
    this.#read = read
    this.#commits = commits
  }

  /** Undefined before the first join. */
  get group(): Group | undefined {
    return this.#group
  }

  /** True from learning of a rebalance until partitions are assigned again: nothing new is handed out. */
  get joining(): boolean {
    return this.#joining !== undefined
  }

  /** How long that has been so, ms. */
  get joiningFor(): number {
    return this.#joining === undefined ? 0 : Math.max(1, Date.now() - this.#joining)
  }

  get tenures(): Iterable<Tenure> {
    return this.#tenures.values()
  }

  tenure(topic: string, partition: number): Tenure | undefined {
    return this.#tenures.get(`${topic}/${partition}`)
  }

  /**
   * Looks for the group's coordinator again: the broker it was on may be gone, and kafkajs looks only when it joins. The
   * place in the group and its generation stay good. Never throws.
   */
  relocate(): Promise<void> {
    const group = this.#group
    if (group === undefined) return Promise.resolve()
    this.#relocating ??= group.cluster
      .findGroupCoordinator({ groupId: group.groupId })
      .then(
        coordinator => {
          group.coordinator = coordinator
          if (group.offsetManager !== null) group.offsetManager.coordinator = coordinator
        },
        error => this.#log.debug({ group: group.groupId, err: error }, 'the coordinator of the group cannot be found'),
      )
      .finally(() => {
        this.#relocating = undefined
      })
    return this.#relocating
  }

  async leaving(group: Group): Promise<void> {
    this.#joining ??= Date.now()
    if (this.#tenures.size === 0) return
    // Without a member id the broker has already given the partitions away: nothing can be committed any more.
    if (group.memberId === null) return this.#commits?.lost(() => this.fence())
    await this.#drain(group)
    await this.giveUp('rebalance')
  }

  mayJoin(): void {
    this.#signal.throwIfAborted()
  }

  async joined(group: Group): Promise<void> {
    // Closed meanwhile: its offsets are somebody else's now.
    this.mayJoin()
    await this.#begin(group)
    this.#group = group
    this.#commits?.use(group)
    this.#joining = undefined
    this.#log.debug({ group: group.groupId, partitions: [...this.#tenures.keys()] }, 'partitions assigned')
    this.#events.assigned()
  }

  async again(error: unknown, attempt: number): Promise<boolean> {
    if (this.#signal.aborted || attempt > JOIN_ATTEMPTS) return false
    // The next rebalance began before this one was over: no reason to wait.
    if (isRebalance(error)) return true
    // A coordinator that is loading after a start, or moving, or not reachable for the moment.
    if ((error as { readonly retriable?: unknown }).retriable !== true) return false
    this.#log.debug(
      { group: this.#settings.group, err: kafkaError(error, 'joining') },
      'the group cannot be joined yet',
    )
    await pause(Math.min(100 * 2 ** Math.min(attempt, 6), LONGEST_PAUSE), this.#signal)
    return !this.#signal.aborted
  }

  async #begin(group: Group): Promise<void> {
    const offsets = await startOffsets(group, this.#settings.from, this.#read!)
    const tenures = offsets.map(start => {
      const { topic, partition } = start
      const note = readNote(start.offset, start.metadata)
      const { offset, settled } = this.#recollection?.resume(start, note.settled) ?? { ...start, settled: note.settled }
      return new Tenure(topic, partition, offset, new Attempts(note.attempts, this.#inFlight), settled)
    })
    const commit = tenures.map(({ topic, partition, committed, attempts, settledBeyond }) => ({
      topic,
      partition,
      offset: committed,
      metadata: commitNote(committed, { attempts: attempts.outNote(committed), settled: settledBeyond }),
    }))
    if (commit.length > 0) await group.commitOffsets({ topics: commitTopics(commit) })
    for (const tenure of tenures) this.#tenures.set(tenure.sequence, tenure)
    this.#recollection?.forget()
  }

  /** Stops handing out and waits for what is out, within `drain`. */
  async finish(): Promise<void> {
    this.#joining ??= Date.now()
    if (this.#group !== undefined) await this.#drain(this.#group)
  }

  /**
   * Ends every tenure and commits what was settled before. What is still out is delivered again; that counts as a
   * delivery (Attempts) unless it is only the group's doing (`rebalance`).
   */
  async giveUp(why: 'rebalance' | 'close'): Promise<void> {
    const orderly = (tenure: Tenure) => why === 'rebalance' || tenure.unsettled === 0
    const late = new AbortController()
    // A commit that comes to its end later must not fence what was assigned since.
    const fence = () => {
      if (!late.signal.aborted) this.fence()
    }
    await Promise.race([this.#commits?.last(orderly, fence), pause(COMMIT_DEADLINE, late.signal)])
    fence()
    late.abort()
  }

  /** Ends every tenure: what is settled from now on counts for nothing. */
  fence(): void {
    for (const tenure of this.#tenures.values()) {
      tenure.end()
      this.#recollection?.keep(tenure)
    }
    this.#tenures.clear()
    this.#events.fenced()
  }

  async #drain(group: Group): Promise<void> {
    const { drain, heartbeatInterval } = this.#settings
    const deadline = Date.now() + drain
    let next = Date.now() + heartbeatInterval
    while (this.#unsettled() > 0 && Date.now() < deadline && !this.#signal.aborted) {
      await this.#bell.wait(this.#signal, Math.max(1, Math.min(deadline, next) - Date.now()))
      // The bell rings for each message that is settled.
      if (Date.now() < next) continue
      next = Date.now() + heartbeatInterval
      await group.heartbeat({ interval: heartbeatInterval }).catch(() => {})
    }
    const left = this.#unsettled()
    if (left > 0)
      this.#log.info(
        { group: group.groupId, messages: left },
        'partitions revoked with messages in flight; they come again',
      )
  }

  #unsettled(): number {
    let sum = 0
    for (const tenure of this.#tenures.values()) sum += tenure.unsettled
    return sum
  }
}
