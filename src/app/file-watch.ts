import { type FSWatcher, statSync, watch } from 'node:fs'
import { describe } from '../core/errors.ts'
import type { Log } from '../core/ports.ts'
import { sleep } from '../engine/backoff.ts'
import { Nudge } from '../engine/nudge.ts'
import { foldersOf, signatureOf } from './file-signature.ts'

export interface FileWatchOptions {
  /** Absolute paths, files and folders; asked anew before each look. They need not exist. */
  readonly paths: () => readonly string[]
  /** Something changed, or may have. Never rejects. */
  readonly changed: () => Promise<unknown>
  /** The last time it was not right: worth trying again, even where nothing seems to have changed. */
  readonly unsettled: () => boolean
  readonly log: Log
  /** Milliseconds since the epoch when the files were read: what was written since is a change. Default: now. */
  readonly since?: number
  /** How long a file must lie still, in ms: editors and `kubectl cp` write in several steps. Default 200. */
  readonly settle?: number
  /** Longest time between two looks, in ms: not every file system tells what happens on it. Default 10,000. */
  readonly look?: number
}

/** Shortest time between two looks, in ms: something else may be written to the folder all the time. */
const PAUSE = 50
/** How far the times of a file system may lag behind the clock, in ms. */
const COARSE = 10
/** Most rounds that a change is waited for to settle. */
const MOST_ROUNDS = 50

/** Watches files that may be links, replaced by a rename, deleted and made anew. */
export class FileWatch implements AsyncDisposable {
  readonly #options: FileWatchOptions
  readonly #stop = new AbortController()
  readonly #nudge = new Nudge()
  readonly #watchers = new Map<string, FSWatcher>()
  #known: ReadonlyMap<string, string>
  #nudged = false
  #warned = false
  readonly #running: Promise<void>

  constructor(options: FileWatchOptions) {
    this.#options = options
    const { since = Number.POSITIVE_INFINITY } = options
    const known = this.#signatures()
    for (const path of known.keys()) if (writtenAt(path) >= since - COARSE) known.set(path, '')
    this.#known = known
    this.#nudged = unlike(known, this.#signatures())
    this.#watch()
    this.#running = this.#run()
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop
    const { look = 10_000, unsettled, changed } = this.#options
    while (!signal.aborted) {
      if (!this.#nudged) await this.#nudge.wait(look, signal)
      await sleep(PAUSE, signal)
      if (signal.aborted) return
      const nudged = this.#nudged
      this.#nudged = false
      const differs = unlike(this.#known, this.#signatures())
      if (!differs && !unsettled()) {
        // Another folder may be in the place of one that is watched.
        if (!nudged) this.#watch()
        continue
      }
      if (differs) await this.#settled()
      if (signal.aborted) return
      await changed()
      const now = this.#signatures()
      // What was read for the first time may have changed before it was known how it looked.
      if ([...now.keys()].some(path => !this.#known.has(path))) await changed()
      this.#known = new Map([...now].map(([path, signature]) => [path, this.#known.get(path) ?? signature]))
      this.#watch()
    }
  }

  async #settled(): Promise<void> {
    const { settle = 200 } = this.#options
    for (let round = 0; round < MOST_ROUNDS && !this.#stop.signal.aborted; round++) {
      this.#known = this.#signatures()
      await sleep(settle, this.#stop.signal)
      if (!unlike(this.#known, this.#signatures())) return
    }
  }

  #signatures(): Map<string, string> {
    return new Map(this.#options.paths().map(path => [path, signatureOf(path)]))
  }

  // By the folder itself, not by its name: another one may take its place.
  #watch(): void {
    const wanted = new Map<string, string>()
    for (const path of this.#options.paths())
      for (const folder of foldersOf(path)) {
        const stat = statSync(folder, { throwIfNoEntry: false })
        if (stat?.isDirectory() === true) wanted.set(`${folder} ${stat.dev} ${stat.ino}`, folder)
      }
    for (const [id, watcher] of this.#watchers) if (!wanted.has(id)) this.#unwatch(id, watcher)
    for (const [id, folder] of wanted) if (!this.#watchers.has(id)) this.#begin(id, folder)
  }

  #begin(id: string, folder: string): void {
    try {
      const watcher = watch(folder, { persistent: false }, () => this.#wake())
      watcher.on('error', () => this.#unwatch(id, watcher))
      this.#watchers.set(id, watcher)
    } catch (error) {
      if (this.#warned) return
      this.#warned = true
      const seconds = (this.#options.look ?? 10_000) / 1000
      this.#options.log.warn(
        { folder, error: describe(error) },
        `${folder} cannot be watched: changes are noticed within ${seconds} s`,
      )
    }
  }

  #wake(): void {
    this.#nudged = true
    this.#nudge.nudge()
  }

  #unwatch(id: string, watcher: FSWatcher): void {
    watcher.close()
    if (this.#watchers.get(id) === watcher) this.#watchers.delete(id)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    for (const [id, watcher] of this.#watchers) this.#unwatch(id, watcher)
    await this.#running
  }
}

function writtenAt(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0
}

function unlike(before: ReadonlyMap<string, string>, now: ReadonlyMap<string, string>): boolean {
  for (const [path, signature] of now) if (before.get(path) !== signature) return true
  return false
}
