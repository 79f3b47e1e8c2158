import fc from 'fast-check'
import { expect, test } from 'vitest'
import { SortedList } from '../../../src/drivers/memory/sorted-list.ts'

test('behaves as a stably sorted array', () => {
  const step = fc.oneof(
    { weight: 3, arbitrary: fc.integer({ min: 0, max: 20 }) },
    { weight: 2, arbitrary: fc.constant('shift' as const) },
  )
  fc.assert(
    fc.property(fc.array(step, { minLength: 100, maxLength: 500 }), steps => {
      const list = new SortedList<{ rank: number; at: number }>(item => item.rank)
      let model: { rank: number; at: number }[] = []
      steps.forEach((one, at) => {
        if (one === 'shift') expect(list.shift()).toBe(model.shift())
        else {
          const item = { rank: one, at }
          list.add(item)
          model = [...model, item].sort((a, b) => a.rank - b.rank || a.at - b.at)
        }
        expect(list.size).toBe(model.length)
        expect(list.first).toBe(model[0])
      })
      expect([...list]).toEqual(model)
    }),
  )
})

test('keeps everything through many takes', () => {
  const list = new SortedList<number>(rank => rank)
  const taken: number[] = []
  for (let n = 0; n < 1_000; n++) {
    list.add(n)
    if (n % 3 > 0) taken.push(list.shift()!)
  }
  while (list.size > 0) taken.push(list.shift()!)
  expect(taken).toEqual(Array.from({ length: 1_000 }, (_, n) => n))
  expect(list.shift()).toBeUndefined()
})
