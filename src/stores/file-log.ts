import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { DIGEST_BYTES } from './key-digest.ts'
import { openDatabase, storeError, transaction } from './sqlite.ts'

/** A claim that is on disk: its row and when it was made (ms since the epoch). */
export interface ClaimRow {
  readonly row: number
  readonly claimedAt: number
}

export interface LoggedClaim extends ClaimRow {
  readonly key: string
}

/** Free pages given back to the file system per call at most: 256 KiB. */
const VACUUM_PAGES = 64
/** Rows of confirmed keys deleted per call at most; a call adds one. */
const ROWS_PER_CALL = 16

/**
 * What the file store keeps on disk: open claims, one row each, and confirmed keys, one row per call with their digests in
 * order. Everything is appended at the end and deleted from the beginning, so that a call writes a few pages however
 * many keys are remembered. All methods throw STORE_AWAY and then have changed nothing.
 */
export class FileLog implements Disposable {
  readonly path: string
  readonly #database: DatabaseSync
  readonly #insertClaim: StatementSync
  readonly #deleteClaim: StatementSync
  readonly #insertConfirmed: StatementSync
  readonly #deleteConfirmed: StatementSync

  constructor(path: string, fsync: boolean) {
    this.path = path
    this.#database = openDatabase(path, fsync)
    try {
      this.#database.exec(`
        CREATE TABLE IF NOT EXISTS claimed(row INTEGER PRIMARY KEY, at INTEGER NOT NULL, key TEXT NOT NULL) STRICT;
        CREATE TABLE IF NOT EXISTS note(only INTEGER PRIMARY KEY CHECK (only = 1), text TEXT NOT NULL) STRICT;
        CREATE TABLE IF NOT EXISTS confirmed(row INTEGER PRIMARY KEY, until INTEGER NOT NULL, digests BLOB NOT NULL) STRICT;
      `)
      this.#insertClaim = this.#database.prepare('INSERT INTO claimed(at, key) VALUES (?, ?)')
      this.#deleteClaim = this.#database.prepare('DELETE FROM claimed WHERE row = ?')
      this.#insertConfirmed = this.#database.prepare('INSERT INTO confirmed(until, digests) VALUES (?, ?)')
      this.#deleteConfirmed = this.#database.prepare(
        `DELETE FROM confirmed WHERE row IN (SELECT row FROM confirmed WHERE row < ? ORDER BY row LIMIT ${ROWS_PER_CALL})`,
      )
    } catch (error) {
      this.#database.close()
      throw storeError(error, path)
    }
  }

  /** Claims that were open when the file was last used, oldest first. */
  readClaims(): readonly LoggedClaim[] {
    return this.#read('SELECT row, at AS claimedAt, key FROM claimed ORDER BY row') as unknown as readonly LoggedClaim[]
  }

  /** Rows of confirmed keys, oldest first. */
  *readConfirmed(): Generator<{ readonly row: number; readonly until: number; readonly digests: readonly string[] }> {
    const page = this.#database.prepare(
      'SELECT row, until, digests FROM confirmed WHERE row > ? ORDER BY row LIMIT 500',
    )
    for (let last = 0; ; ) {
      const rows = this.#guarded(() => page.all(last)) as { row: number; until: number; digests: Uint8Array }[]
      if (rows.length === 0) return
      for (const { row, until, digests } of rows) yield { row, until, digests: unpack(digests) }
      last = rows.at(-1)!.row
    }
  }

  /** Adds a claim per key; answers the rows, in order. `replaced` are older claims of the same keys. */
  claim(keys: readonly string[], at: number, replaced: readonly number[]): readonly number[] {
    return transaction(this.#database, this.path, () => {
      for (const row of replaced) this.#deleteClaim.run(row)
      return keys.map(key => Number(this.#insertClaim.run(at, key).lastInsertRowid))
    })
  }

  /** Ends claims and remembers digests, and deletes a few confirmed rows before `keepFrom`; answers the new row. */
  confirm(claims: readonly number[], digests: readonly string[], until: number, keepFrom: number): number {
    return transaction(this.#database, this.path, () => {
      for (const row of claims) this.#deleteClaim.run(row)
      // Before the insert: row numbers begin again at 1 when nothing is kept.
      if (Number(this.#deleteConfirmed.run(keepFrom).changes) > 0)
        this.#database.exec(`PRAGMA incremental_vacuum(${VACUUM_PAGES})`)
      const blob = Buffer.from(digests.join(''), 'latin1')
      return Number(this.#insertConfirmed.run(Math.ceil(until), blob).lastInsertRowid)
    })
  }

  /** Ends claims. */
  forget(claims: readonly number[]): void {
    transaction(this.#database, this.path, () => {
      for (const row of claims) this.#deleteClaim.run(row)
    })
  }

  readNote(): string | undefined {
    return this.#read('SELECT text FROM note')[0]?.['text'] as string | undefined
  }

  writeNote(text: string): void {
    this.#guarded(() => this.#database.prepare('INSERT OR REPLACE INTO note VALUES (1, ?)').run(text))
  }

  #read(sql: string): readonly Record<string, unknown>[] {
    return this.#guarded(() => this.#database.prepare(sql).all())
  }

  #guarded<T>(work: () => T): T {
    try {
      return work()
    } catch (error) {
      throw storeError(error, this.path)
    }
  }

  [Symbol.dispose](): void {
    if (this.#database.isOpen) this.#database.close()
  }
}

function unpack(blob: Uint8Array): readonly string[] {
  const all = Buffer.from(blob.buffer, blob.byteOffset, blob.byteLength).toString('latin1')
  const digests: string[] = []
  for (let at = 0; at + DIGEST_BYTES <= all.length; at += DIGEST_BYTES) digests.push(all.slice(at, at + DIGEST_BYTES))
  return digests
}
