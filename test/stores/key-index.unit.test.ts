import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DIGEST_BYTES, digestOf } from '../../src/stores/key-digest.ts'
import { KeyIndex } from '../../src/stores/key-index.ts'
import { effort } from '../effort.ts'

describe('the digest of a key', () => {
  it('has a fixed size and is the same every time', () => {
    expect(digestOf('a')).toHaveLength(DIGEST_BYTES)
    expect(digestOf('a'.repeat(1_000_000))).toHaveLength(DIGEST_BYTES)
    expect(digestOf('a')).toBe(digestOf('a'))
  })

  it('tells all keys apart, lone surrogates too', () => {
    const keys = ['', 'a', 'b', '\ud800', '\ud801', '\ufffd', 'é', 'e\u0301', '\xff\x00\xd8']
    expect(new Set(keys.map(digestOf)).size).toBe(keys.length)
  })
})

describe('the index', () => {
  it('is a map in the order of the last addition that holds so many (property)', () => {
    // Digests that differ in their last word only share a home in the table: every search has to step.
    const digest = (n: number) => `${'\0'.repeat(12)}${String.fromCharCode(n, 0, 0, 0)}`
    const step = fc.oneof(
      fc.record({ add: fc.nat(40), until: fc.nat(100) }),
      fc.record({ expire: fc.nat(100), most: fc.nat(5) }),
    )
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), fc.array(step, { maxLength: 200 }), (most, steps) => {
        const index = new KeyIndex(most)
        const model = new Map<number, { until: number; tag: number }>()
        steps.forEach((one, tag) => {
          if ('add' in one) {
            index.add(digest(one.add), one.until + 1, tag)
            model.delete(one.add)
            if (model.size === most) model.delete(model.keys().next().value!)
            model.set(one.add, { until: one.until + 1, tag })
          } else {
            index.expire(one.expire, one.most)
            let left = one.most
            for (const [key, { until }] of model) {
              if (until > one.expire || left-- === 0) break
              model.delete(key)
            }
          }
          expect(index.size).toBe(model.size)
          expect(index.oldestTag).toBe(model.values().next().value?.tag)
          for (let key = 0; key <= 40; key++) expect(index.until(digest(key))).toBe(model.get(key)?.until ?? 0)
        })
      }),
      { numRuns: effort(200) },
    )
  })

  it('grows to its limit and not beyond', () => {
    const index = new KeyIndex(10_000)
    for (let i = 0; i < 50_000; i++) index.add(digestOf(`k${i}`), i + 1, i)
    expect([index.size, index.oldestTag]).toEqual([10_000, 40_000])
    expect(index.until(digestOf('k39999'))).toBe(0)
    for (let i = 40_000; i < 50_000; i += 997) expect(index.until(digestOf(`k${i}`))).toBe(i + 1)
    index.expire(Number.MAX_SAFE_INTEGER, 20_000)
    expect([index.size, index.oldestTag]).toEqual([0, undefined])
  })
})
