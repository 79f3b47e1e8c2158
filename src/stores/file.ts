import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { type Static, Type } from 'typebox'
import { describe, SluiceError } from '../core/errors.ts'
import type { Claim, Store, StoreFactory } from '../core/ports.ts'
import { Closed } from '../core/schema.ts'
import { statePath } from '../core/state-folder.ts'
import { type ClaimRow, FileLog } from './file-log.ts'
import { digestOf } from './key-digest.ts'
import { KeyIndex } from './key-index.ts'
import { Leases } from './leases.ts'

/** A claim whose outcome nobody knows: the process that made it ended before it confirmed or forgot it. */
export interface InDoubt {
  readonly key: string
  /** Milliseconds since the epoch. */
  readonly claimedAt: number
}

/** Most claims in doubt remembered; of more, the newest. */
const MOST_IN_DOUBT = 100_000
/** Rows read at opening before other work gets its turn. */
const ROWS_PER_TURN = 200

/**
 * Keys in a file of this process alone: what was confirmed survives a kill -9, what was claimed is in doubt after one.
 * Look-ups are in memory (44 bytes a key); the file is a log that is read once, when it is opened.
 */
export class FileStore implements Store {
  readonly #log: FileLog
  readonly #done: KeyIndex
  readonly #held = new Leases<ClaimRow>()
  readonly #doubts = new Map<string, ClaimRow>()
  readonly #now: () => number

  private constructor(log: FileLog, maxKeys: number, now: () => number) {
    this.#log = log
    this.#done = new KeyIndex(maxKeys)
    this.#now = now
  }

  /** Throws STORE_AWAY (folder, disk, damage) and ADDRESS_IN_USE (another process has the file). */
  static async open(path: string, maxKeys: number, fsync = false, now: () => number = Date.now): Promise<FileStore> {
    const log = new FileLog(path, fsync)
    try {
      const store = new FileStore(log, maxKeys, now)
      await store.#load()
      return store
    } catch (error) {
      log[Symbol.dispose]()
      throw error
    }
  }

  async #load(): Promise<void> {
    const now = this.#now()
    let rows = 0
    for (const { row, until, digests } of this.#log.readConfirmed()) {
      if (until > now) for (const digest of digests) this.#done.add(digest, until, row)
      if (++rows % ROWS_PER_TURN === 0) await turn()
    }
    const claims = this.#log.readClaims()
    const surplus = Math.max(0, claims.length - MOST_IN_DOUBT)
    if (surplus > 0) this.#log.forget(claims.slice(0, surplus).map(({ row }) => row))
    for (const { key, row, claimedAt } of claims.slice(surplus)) this.#doubts.set(key, { row, claimedAt })
  }

  async claim(keys: readonly string[], leaseMs: number): Promise<readonly Claim[]> {
    const now = this.#now()
    this.#prune(now, keys.length)
    const fresh = new Set<string>()
    const answers = keys.map((key): Claim => {
      if (this.#done.until(digestOf(key)) > now) return 'done'
      if (fresh.has(key) || this.#held.holds(key, now)) return 'held'
      fresh.add(key)
      return 'fresh'
    })
    if (fresh.size === 0) return answers
    const wanted = [...fresh]
    const rows = this.#log.claim(wanted, now, this.#rowsOf(wanted))
    wanted.forEach((key, i) => {
      this.#doubts.delete(key)
      this.#held.add(key, now + leaseMs, { row: rows[i]!, claimedAt: now })
    })
    return answers
  }

  async confirm(keys: readonly string[], rememberMs: number): Promise<void> {
    if (keys.length === 0) return
    const now = this.#now()
    this.#prune(now, keys.length)
    const digests = keys.map(digestOf)
    const until = Math.ceil(now + rememberMs)
    const row = this.#log.confirm(this.#rowsOf(keys), digests, until, this.#done.oldestTag ?? Number.MAX_SAFE_INTEGER)
    this.#settle(keys)
    for (const digest of digests) this.#done.add(digest, until, row)
  }

  async forget(keys: readonly string[]): Promise<void> {
    const rows = this.#rowsOf(keys)
    if (rows.length > 0) this.#log.forget(rows)
    this.#settle(keys)
  }

  /** Claims that nobody works on any more and nobody confirmed or forgot, oldest first, until claimed again or settled. */
  async inDoubt(): Promise<readonly InDoubt[]> {
    return Array.from(this.#doubts, ([key, { claimedAt }]) => ({ key, claimedAt }))
  }

  async readNote(): Promise<string | undefined> {
    return this.#log.readNote()
  }

  async writeNote(text: string): Promise<void> {
    this.#log.writeNote(text)
  }

  #rowsOf(keys: readonly string[]): number[] {
    const rows: number[] = []
    for (const key of keys) {
      const claim = this.#held.note(key) ?? this.#doubts.get(key)
      if (claim !== undefined) rows.push(claim.row)
    }
    return rows
  }

  #settle(keys: readonly string[]): void {
    for (const key of keys) {
      this.#held.take(key)
      this.#doubts.delete(key)
    }
  }

  // Twice what a call can add, so that the expired ones always dwindle and no call has to drop many at once.
  #prune(now: number, added: number): void {
    this.#done.expire(now, added * 2)
    this.#held.expire(now, added * 2, (key, claim) => this.#doubts.set(key, claim))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#log[Symbol.dispose]()
  }
}

const schema = Closed(
  {
    dir: Type.Optional(
      Type.String({
        minLength: 1,
        default: '.sluice/dedup',
        description:
          'Folder of the files, one per route, relative to the configuration file. What begins with `.sluice/` lies in the folder that the environment variable `SLUICE_STATE_DIR` names, where it is set.',
      }),
    ),
    fsync: Type.Optional(
      Type.Boolean({
        default: false,
        description:
          'Wait for the disk at every commit, so that a power loss forgets nothing either. Without it, the last seconds before a power loss may be forgotten and delivered twice; a killed process forgets nothing in both cases.',
      }),
    ),
  },
  { description: 'Keys in a file that survives kill -9 and belongs to one gateway.' },
)

export const file: StoreFactory = {
  name: 'file',
  schema,
  async open(options, { name, baseDir, maxKeys }) {
    const { dir = '.sluice/dedup', fsync = false } = options as Static<typeof schema>
    const folder = statePath(baseDir, dir)
    try {
      mkdirSync(folder, { recursive: true })
    } catch (error) {
      throw new SluiceError('STORE_AWAY', `the folder ${folder} cannot be made: ${describe(error)}`, {
        hint: 'Give `dir` of the store a folder that the gateway may write to.',
      })
    }
    return FileStore.open(join(folder, `${encodeURIComponent(name)}.db`), maxKeys, fsync)
  },
}
