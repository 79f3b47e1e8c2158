import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Message } from '../../src/core/message.ts'
import type { Transform, TransformResult } from '../../src/core/ports.ts'
import { chain } from '../../src/engine/chain.ts'
import { message } from '../core/sample.ts'

const START = message({ id: '' })
const tag =
  (letter: string): Transform =>
  one =>
    one.with({ id: one.id + letter })
const halves: Transform = one => [one.with({ id: `${one.id}l` }), one.with({ id: `${one.id}r` })]
const drop: Transform = () => undefined
const nothing: Transform = () => []
const later =
  (transform: Transform): Transform =>
  async one => {
    await Promise.resolve()
    return transform(one)
  }

const ids = (result: TransformResult): unknown =>
  result === undefined ? undefined : Array.isArray(result) ? result.map(one => one.id) : (result as Message).id

describe('a chain', () => {
  it.each<[string, Transform[], unknown]>([
    ['of nothing', [], ''],
    ['of one', [tag('a')], 'a'],
    ['in order', [tag('a'), tag('b'), tag('c')], 'abc'],
    ['that drops', [tag('a'), drop, tag('b')], undefined],
    ['that splits', [tag('a'), halves, tag('b')], ['alb', 'arb']],
    ['that splits at the end', [tag('a'), halves], ['al', 'ar']],
    ['that splits twice', [halves, halves], ['ll', 'lr', 'rl', 'rr']],
    ['that drops some pieces', [halves, one => (one.id === 'l' ? undefined : one), tag('x')], ['rx']],
    ['that drops all pieces', [halves, drop], undefined],
    ['that splits into nothing', [nothing, tag('a')], undefined],
    ['that ends in nothing', [nothing], undefined],
  ])('%s', async (_, transforms, expected) => {
    const result = chain(transforms)(START)
    expect(result).not.toBeInstanceOf(Promise)
    expect(ids(result as TransformResult)).toEqual(expected)
    // The same with every transform answering later.
    if (transforms.length > 0) expect(ids(await chain(transforms.map(later))(START))).toEqual(expected)
  })

  it('stops at the first error, thrown or rejected', async () => {
    let after = 0
    const boom: Transform = () => {
      throw new Error('boom')
    }
    const count: Transform = one => {
      after++
      return one
    }
    expect(() => chain([boom, count])(START)).toThrow('boom')
    await expect(chain([later(boom), count])(START)).rejects.toThrow('boom')
    await expect(chain([halves, later(boom), count])(START)).rejects.toThrow('boom')
    expect(after).toBe(0)
  })

  it('hands the pieces to the next transform one after the other', async () => {
    const events: string[] = []
    const slow: Transform = async one => {
      events.push(`begin ${one.id}`)
      await new Promise(resolve => setImmediate(resolve))
      events.push(`end ${one.id}`)
      return one
    }
    await chain([halves, slow])(START)
    expect(events).toEqual(['begin l', 'end l', 'begin r', 'end r'])
  })

  it('gives the same whether its transforms answer at once or later (property)', async () => {
    const kinds: readonly Transform[] = [
      tag('a'),
      tag('b'),
      halves,
      drop,
      nothing,
      one => (one.id.length % 2 ? one : undefined),
    ]
    const steps = fc.array(fc.tuple(fc.nat(kinds.length - 1), fc.boolean()), { maxLength: 6 })
    await fc.assert(
      fc.asyncProperty(steps, async list => {
        const sync = ids(chain(list.map(([kind]) => kinds[kind]!))(START) as TransformResult)
        const mixed = chain(list.map(([kind, wait]) => (wait ? later(kinds[kind]!) : kinds[kind]!)))
        expect(ids(await mixed(START))).toEqual(sync)
      }),
    )
  })
})
