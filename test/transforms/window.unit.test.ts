import { describe, expect, it } from 'vitest'
import { window } from '../../src/transforms/window.ts'
import { message, thrown } from '../core/sample.ts'
import { gathering, merged } from './gather.ts'

const every = '5s'
const body = (aggregate: object, ...bodies: readonly unknown[]) =>
  merged(
    window,
    { every, aggregate },
    bodies.map(each => message({ body: each })),
  ).body
const result = (aggregate: object, ...bodies: readonly unknown[]) => {
  const { key: _key, start: _start, end: _end, ...rest } = body(aggregate, ...bodies) as Record<string, unknown>
  return rest
}
const totals = [{ total: 3 }, { total: 1 }, { total: 8 }]

describe('the aggregates of a window', () => {
  it('in the shape of the configuration', () => {
    expect(body({ count: true, sum: '${body.total}' }, ...totals)).toEqual({
      key: null,
      start: '1970-01-01T00:00:00.000Z',
      end: '1970-01-01T00:00:05.000Z',
      count: 3,
      sum: 12,
    })
    const several = {
      count: { all: true, large: '${body.total > 2}' },
      sum: { total: '${body.total}', twice: '${body.total * 2}' },
      first: '${body}',
    }
    expect(result(several, ...totals)).toEqual({
      count: { all: 3, large: 2 },
      sum: { total: 12, twice: 24 },
      first: { total: 3 },
    })
  })

  it('least, greatest, mean, first and last', () => {
    const all = {
      min: '${body.total}',
      max: '${body.total}',
      avg: '${body.total}',
      first: '${body.total}',
      last: '${body.total}',
    }
    expect(result(all, ...totals)).toEqual({ min: 1, max: 8, avg: 4, first: 3, last: 8 })
  })

  it('pass over null, and say null where nothing is left', () => {
    const all = { sum: '${body.x}', min: '${body.x}', max: '${body.x}', avg: '${body.x}', last: '${body.x}' }
    expect(result(all, { x: 2 }, { x: null }, { x: 4 })).toEqual({ sum: 6, min: 2, max: 4, avg: 3, last: 4 })
    expect(result(all, { x: null })).toEqual({ sum: 0, min: null, max: null, avg: null, last: null })
  })

  it('add whole numbers exactly, however large', () => {
    const x = (value: unknown) => [message({ headers: [['x', value as bigint]], body: {} })]
    const sum = (...values: readonly unknown[]) =>
      String(merged(window, { every, aggregate: { sum: '${headers.x}' } }, values.flatMap(x)).bytes)
    expect(sum(9_007_199_254_740_993n, 2n)).toContain('"sum":9007199254740995')
    expect(sum(9_007_199_254_740_991, 9_007_199_254_740_991)).toContain('"sum":18014398509481982')
    expect(sum(0.5, 1)).toContain('"sum":1.5')
  })

  it('refuse what is no number, by itself', () => {
    const take = (aggregate: object, value: unknown) => () =>
      gathering(window, { every, aggregate }).take(message({ body: { x: value } }))
    expect(thrown(take({ sum: '${body.x}' }, 'a'))).toMatchObject({ code: 'EXPRESSION_FAILED' })
    expect(thrown(take({ max: '${body.x}' }, [1])).message).toBe(
      'window: max of ${body.x} needs a number or null, not a list',
    )
    expect(thrown(take({ count: '${body.x}' }, 1)).message).toBe(
      'window: count of ${body.x} needs true or false, not a number',
    )
    expect(thrown(take({ sum: '${body.y}' }, 1))).toMatchObject({ code: 'EXPRESSION_FAILED' })
  })
})

describe('the time of a message', () => {
  const time = (options: object, of: Parameters<typeof message>[0]) =>
    gathering(window, { every, aggregate: { count: true }, ...options }).take(message(of)).time

  it('is read from the message, or is its own', () => {
    expect(time({ time: 'event' }, { timestamp: 77 })).toBe(77)
    expect(time({ time: '${body.at}' }, { body: { at: 1_000 } })).toBe(1_000)
    expect(time({ time: '${body.at}' }, { body: { at: '1970-01-01T00:00:02Z' } })).toBe(2_000)
    expect(time({}, { timestamp: 77 })).toBeUndefined()
  })

  it('has to be one, and one that has come', () => {
    const read = (at: unknown) => () => time({ time: '${body.at}' }, { body: { at } })
    for (const wrong of ['soon', null, {}, 1e300])
      expect(thrown(read(wrong))).toMatchObject({ code: 'EXPRESSION_FAILED' })
    expect(read(Date.now() + 60_000)()).toBeGreaterThan(Date.now())
    expect(thrown(read(Date.now() + 3_600_000))).toMatchObject({ code: 'EXPRESSION_FAILED' })
  })
})

it('the rules of a window have the defaults that the reference says', () => {
  const rules = (options: object) => gathering(window, { every, aggregate: { count: true }, ...options }).window
  expect(rules({})).toEqual({
    eventTime: false,
    lateness: 0,
    idle: 5_000,
    late: 'drop',
    remember: 86_400_000,
    count: 1_000_000,
    store: { name: 'file', options: {} },
  })
  expect(rules({ time: 'event', idle: '1s', lateness: '2s' })).toMatchObject({
    eventTime: true,
    idle: 1_000,
    lateness: 2_000,
  })
})
