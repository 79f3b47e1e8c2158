import type { DatabaseSync } from 'node:sqlite'
import { describe, SluiceError } from '../core/errors.ts'

// Primary result codes of SQLite: https://www.sqlite.org/rescode.html
const BUSY = 5
const LOCKED = 6
const PROTOCOL = 15
const WORDS: Readonly<Record<number, readonly [what: string, hint: string]>> = {
  8: ['cannot be written', 'Give the user of the gateway write access to the file and its folder.'],
  10: ['cannot be read or written (input/output error)', 'Look at the disk and its log; the route holds meanwhile.'],
  11: ['is damaged', 'Move the file away: Sluice begins a new one, and messages of the last window may arrive twice.'],
  13: ['cannot grow: the disk is full', 'Make room on the disk; the route holds meanwhile.'],
  14: ['cannot be opened', 'Check that its folder exists and that the gateway may write there.'],
  26: [
    'is damaged, or no dedup store at all',
    'Move the file away: Sluice begins a new one, and messages of the last window may arrive twice.',
  ],
}

/** Opens a database file that belongs to this process alone until it is closed. Throws STORE_AWAY, ADDRESS_IN_USE. */
export function openDatabase(path: string, fsync: boolean): DatabaseSync {
  const { DatabaseSync: Database } = sqlite()
  let database: DatabaseSync | undefined
  try {
    database = new Database(path, { timeout: 0 })
    // EXCLUSIVE: the lock is the operating system's, so it ends with the process, however that ends.
    // NORMAL: a commit is in the file when it returns and survives a killed process; FULL: it also survives a power loss.
    database.exec(`
      PRAGMA locking_mode = EXCLUSIVE;
      PRAGMA auto_vacuum = INCREMENTAL;
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = ${fsync ? 'FULL' : 'NORMAL'};
      PRAGMA journal_size_limit = ${16 * 2 ** 20};
      PRAGMA cache_size = -4096;
    `)
    // The lock is taken by the first write.
    database.exec('BEGIN IMMEDIATE; COMMIT')
    return database
  } catch (error) {
    database?.close()
    throw storeError(error, path)
  }
}

/** Runs the statements of `work` as one transaction: all of it or nothing. Throws STORE_AWAY. */
export function transaction<T>(database: DatabaseSync, path: string, work: () => T): T {
  try {
    database.exec('BEGIN IMMEDIATE')
    const result = work()
    database.exec('COMMIT')
    return result
  } catch (error) {
    rollBack(database)
    throw storeError(error, path)
  }
}

// SQLite has rolled back by itself after some errors, and a database that cannot be read has nothing to roll back.
function rollBack(database: DatabaseSync): void {
  try {
    if (database.isOpen && database.isTransaction) database.exec('ROLLBACK')
  } catch {}
}

/** What SQLite said, as a sentence about the file. */
export function storeError(error: unknown, path: string): SluiceError {
  if (error instanceof SluiceError) return error
  const code = error instanceof Error && 'errcode' in error ? Number(error.errcode) & 0xff : undefined
  if (code === BUSY || code === LOCKED || code === PROTOCOL)
    return new SluiceError('ADDRESS_IN_USE', `the dedup store ${path} belongs to another process`, {
      hint: 'One gateway owns a dedup file: stop the other one, or give this one another folder (`dir`).',
      cause: error,
    })
  const known = code === undefined ? undefined : WORDS[code]
  if (known === undefined)
    return new SluiceError('STORE_AWAY', `the dedup store ${path} failed: ${describe(error)}`, { cause: error })
  return new SluiceError('STORE_AWAY', `the dedup store ${path} ${known[0]}`, { hint: known[1], cause: error })
}

// Node 24 calls the module experimental in a warning on first use, which is nothing a user of Sluice can act on. That one
// warning, in this one call, is left out.
function sqlite(): typeof import('node:sqlite') {
  const warn = process.emitWarning
  process.emitWarning = ((warning: string | Error, ...rest: unknown[]) => {
    if (!String(warning).includes('SQLite')) Reflect.apply(warn, process, [warning, ...rest])
  }) as typeof process.emitWarning
  try {
    return process.getBuiltinModule('node:sqlite')
  } finally {
    process.emitWarning = warn
  }
}
