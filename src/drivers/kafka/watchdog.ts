import { SluiceError } from '../../core/errors.ts'

/** What the watchdog looks at. */
export interface Watched {
  /** False while it is right that nothing comes: a rebalance, back-pressure, the end. */
  readonly fetching: boolean
  /** When an answer to a fetch came last, and when records did, ms since 1970. */
  readonly lastFetch: number
  readonly lastRecords: number
  /** Whether the broker answers somebody else. While it does not, standing still is right. */
  reachable(signal: AbortSignal): Promise<boolean>
  /** Records in the partitions that are not fetched yet; undefined when that cannot be told. */
  behind(signal: AbortSignal): Promise<number | undefined>
  fail(error: SluiceError): void
}

const LONGEST_LOOK = 10_000

/** Notices a consumer that stands still without an error, so that it is rebuilt. `stuckAfter` in ms; 0 = never. */
export class Watchdog implements Disposable {
  readonly #watched: Watched
  readonly #stuckAfter: number
  readonly #stop = new AbortController()
  #timer: NodeJS.Timeout | undefined
  #since = Date.now()
  #looking = false

  constructor(watched: Watched, stuckAfter: number) {
    this.#watched = watched
    this.#stuckAfter = stuckAfter
    if (stuckAfter > 0)
      this.#timer = setInterval(() => void this.#look(), Math.min(Math.max(stuckAfter / 4, 50), LONGEST_LOOK))
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
    this.#stop.abort()
  }

  async #look(): Promise<void> {
    if (this.#looking) return
    this.#looking = true
    try {
      const why = await this.#trouble()
      if (why !== undefined && !this.#stop.signal.aborted) this.#bark(why)
    } finally {
      this.#looking = false
    }
  }

  async #trouble(): Promise<string | undefined> {
    const { signal } = this.#stop
    const { fetching, lastFetch, lastRecords } = this.#watched
    const silent = Date.now() - Math.max(lastFetch, this.#since)
    const idle = Date.now() - Math.max(lastRecords, this.#since)
    if (!fetching) this.#since = Date.now()
    if (!fetching || idle <= this.#stuckAfter) return undefined
    if (!(await this.#watched.reachable(signal))) {
      this.#since = Date.now()
      return undefined
    }
    if (silent > this.#stuckAfter)
      return this.#watched.lastFetch === lastFetch ? `no fetch was answered for ${seconds(silent)}` : undefined
    const behind = await this.#watched.behind(signal)
    if (behind === undefined || behind === 0) this.#since = Date.now()
    if (!behind || !this.#watched.fetching || this.#watched.lastRecords !== lastRecords) return undefined
    return `${behind} records wait and none came for ${seconds(idle)}`
  }

  #bark(why: string): void {
    clearInterval(this.#timer)
    this.#watched.fail(new SluiceError('SOURCE_STUCK', why))
  }
}

function seconds(ms: number): string {
  return `${Math.round(ms / 1_000)} s`
}
