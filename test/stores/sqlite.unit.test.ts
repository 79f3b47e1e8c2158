import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it, vi } from 'vitest'
import { openDatabase, transaction } from '../../src/stores/sqlite.ts'

const folder = mkdtempSync(join(tmpdir(), 'sluice-sqlite-'))
afterAll(() => rmSync(folder, { recursive: true }))

it('a disk that is full is a sentence, changes nothing, and is over when there is room', () => {
  const path = join(folder, 'full.db')
  const database = openDatabase(path, false)
  database.exec('CREATE TABLE t(x)')
  database.exec('PRAGMA max_page_count = 10')
  const fill = () =>
    transaction(database, path, () => {
      for (let i = 0; i < 100; i++) database.prepare('INSERT INTO t VALUES (zeroblob(4000))').run()
    })
  expect(fill).toThrow(`the dedup store ${path} cannot grow: the disk is full`)
  expect(database.prepare('SELECT count(*) AS n FROM t').get()).toEqual({ n: 0 })
  database.exec('PRAGMA max_page_count = 1000')
  fill()
  expect(database.prepare('SELECT count(*) AS n FROM t').get()).toEqual({ n: 100 })
  database.close()
})

it('says nothing about experiments, and leaves the warnings of others alone', () => {
  const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
  const spy = process.emitWarning
  openDatabase(join(folder, 'quiet.db'), false).close()
  expect(process.emitWarning).toBe(spy)
  expect(warn).not.toHaveBeenCalled()
  warn.mockRestore()
})
