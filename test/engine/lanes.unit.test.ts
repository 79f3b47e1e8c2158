import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Item } from '../../src/engine/item.ts'
import { type Lane, Lanes } from '../../src/engine/lanes.ts'
import { message } from '../core/sample.ts'
import { effort } from '../effort.ts'
import { collectGarbage } from './lab.ts'

function item(id: string | number, bytes = 1): Item {
  const one = message({ id: String(id), bytes: Buffer.alloc(bytes) })
  return new Item({ message: one, expired: false, ack() {}, release() {} }, 0)
}

const ids = (items: readonly Item[]) => items.map(each => each.message.id)

describe('a lane', () => {
  test('gives back what it was given, in order, whatever is taken and put back (property)', () => {
    const step = fc.oneof(
      fc.record({ push: fc.integer({ min: 1, max: 3_000 }) }),
      fc.record({ take: fc.integer({ min: 1, max: 2_000 }), putBack: fc.double({ min: 0, max: 1, noNaN: true }) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), steps => {
        const lane = new Lanes().of('k')
        const out: string[] = []
        let sent = 0
        for (const each of steps) {
          if ('push' in each) for (let n = 0; n < each.push; n++) lane.push(item(sent++))
          else {
            const taken = lane.take(each.take, 1e9)
            const kept = Math.floor(taken.length * (1 - each.putBack))
            out.push(...ids(taken.slice(0, kept)))
            if (kept < taken.length) lane.putBack(taken.slice(kept))
          }
        }
        out.push(...ids(lane.take(1e9, 1e9)))
        expect(out).toEqual(Array.from({ length: sent }, (_, n) => String(n)))
      }),
      { numRuns: effort(50) },
    )
  })

  test('takes no more bytes than asked for, but always one item', () => {
    const lane = new Lanes().of('k')
    for (const [id, size] of [
      ['a', 500],
      ['b', 40],
      ['c', 40],
      ['d', 40],
    ] as const)
      lane.push(item(id, size))
    expect(ids(lane.take(10, 100))).toEqual(['a'])
    expect(ids(lane.take(10, 100))).toEqual(['b', 'c'])
    expect(ids(lane.take(10, 100))).toEqual(['d'])
    expect(lane.take(10, 100)).toEqual([])
  })

  // Invariant 6. A hot key's lane never empties; with a message of 1 MiB each, 1,000 settled ones kept are 1 GiB.
  test('that never empties lets go of what was taken from it', async () => {
    const lane = new Lanes().of('k')
    const taken: WeakRef<Item>[] = []
    for (let n = 0; n < 10; n++) lane.push(item(n))
    for (let n = 0; n < 200; n++) {
      lane.push(item(`more ${n}`))
      for (const each of lane.take(1, 1e9)) taken.push(new WeakRef(each))
    }
    await collectGarbage()
    expect(taken.filter(each => each.deref() !== undefined).length).toBeLessThan(5)
    expect(lane.length).toBe(10)
  })
})

describe('the lanes of a route', () => {
  test('are forgotten when they are empty: ten million keys do not grow memory', () => {
    const lanes = new Lanes()
    for (let n = 0; n < 200_000; n++) {
      const lane: Lane = lanes.of(`k${n}`)
      lane.push(item(n, 0))
      lane.take(1, 1)
      lanes.release(lane)
    }
    expect(lanes.size).toBe(0)
  })

  test('keep a lane that is busy or has something in it', () => {
    const lanes = new Lanes()
    const lane = lanes.of('k')
    lane.busy = true
    lanes.release(lane)
    expect(lanes.of('k')).toBe(lane)
    lane.busy = false
    lane.push(item(1))
    lanes.release(lane)
    expect(lanes.of('k')).toBe(lane)
  })

  test('without a key are one for each message', () => {
    const lanes = new Lanes()
    expect(lanes.of(undefined)).not.toBe(lanes.of(undefined))
    expect(lanes.size).toBe(0)
  })

  test('give up a quarter of a million waiting items at once', () => {
    const lanes = new Lanes()
    const lane = lanes.of('k')
    const one = item('m')
    for (let n = 0; n < 250_000; n++) lane.push(one)
    expect(lanes.clear().length).toBe(250_000)
    expect(lanes.size).toBe(0)
  })
})
