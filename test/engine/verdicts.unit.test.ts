import { describe, expect, test } from 'vitest'
import { ERRORS, type ErrorCode } from '../../src/core/error-table.ts'
import { SluiceError } from '../../src/core/errors.ts'
import { Item } from '../../src/engine/item.ts'
import { Verdicts } from '../../src/engine/verdicts.ts'
import { Handed } from './scripted.ts'

const BACKOFF = { initial: 100, max: 1_000, factor: 2, jitter: 0 }
const verdicts = (putsAside: boolean, attempts = 3) => new Verdicts({ attempts, backoff: BACKOFF }, putsAside)
const item = () => new Item(new Handed(), 0)
const nacked = new SluiceError('NACKED', 'queue full')

describe('a message that failed', () => {
  test('is tried again with growing waits, and put aside after its attempts with the last error', () => {
    const one = item()
    const judge = () => verdicts(true).judge(one, nacked, 'publish')
    expect(judge()).toMatchObject({ delayMs: 100 })
    expect(judge()).toMatchObject({ delayMs: 200 })
    const last = judge()
    expect(last).toMatchObject({ poison: { code: 'ATTEMPTS_EXHAUSTED', cause: nacked } })
    expect('poison' in last && last.poison.message).toBe('3 of 3 attempts failed; the last: NACKED: queue full')
    expect(one).toMatchObject({ attempts: 3, stage: 'publish', error: nacked })
    expect(one.firstFailure).toBeLessThanOrEqual(one.lastFailure)
  })

  test('is put aside at once where one attempt is all it has', () => {
    expect(verdicts(true, 1).judge(item(), nacked, 'publish')).toHaveProperty('poison')
  })

  test.each(Object.keys(ERRORS) as ErrorCode[])('for %s fares as the table says', code => {
    const one = item()
    const error = new SluiceError(code, 'x')
    const verdict = verdicts(true, 1).judge(one, error, 'publish')
    if (error.scope === 'endpoint' || code === 'BATCH_BROKEN') {
      // An outage of ten minutes, or of ten days, uses up nothing.
      for (let n = 0; n < 1_000; n++)
        expect(verdicts(true, 1).judge(one, error, 'publish')).toMatchObject({ delayMs: 0 })
      expect(one.attempts).toBe(0)
    } else expect(verdict).toHaveProperty('poison')
  })

  test('waits as long as the error asks, where that is longer', () => {
    const later = new SluiceError('NACKED', 'x', { retryAfterMs: 5_000 })
    expect(verdicts(true).judge(item(), later, 'publish')).toMatchObject({ delayMs: 5_000 })
    expect(verdicts(false, 1).judge(item(), later, 'publish')).toMatchObject({ delayMs: 5_000 })
  })

  test('counts once when several of its outputs fail together', () => {
    const one = item()
    const judge = verdicts(true)
    judge.judge(one, nacked, 'publish', true)
    for (let n = 0; n < 10; n++) expect(judge.judge(one, nacked, 'publish', false)).toHaveProperty('delayMs')
    expect(one.attempts).toBe(1)
  })

  test('by an error nobody knows is tried again when publishing, and is poison when transforming', () => {
    expect(verdicts(true).judge(item(), new TypeError('x'), 'publish')).toHaveProperty('delayMs')
    expect(verdicts(true).judge(item(), new TypeError('x'), 'transform')).toMatchObject({
      poison: { code: 'TRANSFORM_FAILED' },
    })
    expect(verdicts(true).judge(item(), 'a text', 'dedup')).toHaveProperty('delayMs')
  })
})

describe('where nothing is put aside', () => {
  test('a poison message is tried for ever at the longest wait, and is said to be hopeless', () => {
    const one = item()
    for (let n = 0; n < 20; n++)
      expect(verdicts(false).judge(one, new SluiceError('TOO_LARGE', 'x'), 'publish')).toMatchObject({
        delayMs: 1_000,
        hopeless: true,
      })
  })

  test('so is one that has used up its attempts', () => {
    const one = item()
    const seen = Array.from({ length: 5 }, () => verdicts(false).judge(one, nacked, 'publish'))
    expect(seen.map(each => 'delayMs' in each && [each.delayMs, each.hopeless === true])).toEqual([
      [100, false],
      [200, false],
      [1_000, true],
      [1_000, true],
      [1_000, true],
    ])
  })
})
