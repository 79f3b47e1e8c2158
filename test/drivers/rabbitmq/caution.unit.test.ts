import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { Caution } from '../../../src/drivers/rabbitmq/caution.ts'
import { CrashNote } from '../../../src/drivers/rabbitmq/crash-note.ts'
import { Prefetch } from '../../../src/drivers/rabbitmq/prefetch.ts'

let folder: string
let warnings: string[]
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-caution-'))
})
beforeEach(() => {
  warnings = []
})
afterAll(() => rmSync(folder, { recursive: true }))

const log = { debug() {}, info() {}, warn: (_: object, text: string) => void warnings.push(text), error() {} }
const note = (queue: string, baseDir = folder) => new CrashNote(baseDir, 'shop', queue, log)
const prefetch = (caution: Caution) =>
  new Prefetch({ count: 500, bytes: 1_000_000, fixed: undefined, adaptable: true, caution })

describe('caution', () => {
  it('is none for what was seldom delivered', () => {
    const caution = new Caution(note('calm'))
    expect([1, 2, 7].map(attempt => caution.saw(attempt))).toEqual([false, false, false])
    expect(note('calm').there).toBe(false)
    expect(prefetch(caution).current).toBe(500)
  })

  it('begins with the next session, and is told once', () => {
    const caution = new Caution(note('again'))
    expect([8, 9].map(attempt => caution.saw(attempt))).toEqual([true, true])
    expect(caution.alone).toBe(false)
    expect(warnings).toEqual([
      'delivered again and again, and never acknowledged: from the next start on, one at a time',
    ])
    const next = new Caution(note('again'))
    expect(next.alone).toBe(true)
    expect(prefetch(next).current).toBe(1)
    expect(new Caution(note('another')).alone).toBe(false)
  })

  it('ends for good', () => {
    new Caution(note('over')).saw(8)
    const caution = new Caution(note('over'))
    const window = prefetch(caution)
    caution.end()
    expect(window.current).toBe(500)
    expect(new Caution(note('over')).alone).toBe(false)
  })

  it('says when no note can be left', () => {
    writeFileSync(join(folder, 'file'), '')
    expect(new Caution(note('x', join(folder, 'file'))).saw(8)).toBe(true)
    expect(warnings).toEqual([expect.stringContaining('no note of it can be written')])
  })

  it('needs a session that can be opened anew', () => {
    const caution = new Caution(undefined)
    expect(caution.saw(8)).toBe(true)
    expect(caution.alone).toBe(false)
  })
})
