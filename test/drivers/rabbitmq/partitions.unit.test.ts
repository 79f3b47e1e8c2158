import { describe, expect, it, test } from 'vitest'
import { Merged } from '../../../src/drivers/rabbitmq/merged.ts'
import {
  drawPriorities,
  hashArguments,
  partitionExpression,
  partitionOptions,
} from '../../../src/drivers/rabbitmq/partitions.ts'

describe('priorities', () => {
  // The same numbers in every run: a multiplicative generator.
  const numbers = (seed: number) => {
    let state = seed
    return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647
  }
  const shares = (gateways: number, partitions: number, seed: number): number[] => {
    const random = numbers(seed)
    const drawn = Array.from({ length: gateways }, () => drawPriorities(partitions, random))
    const shares = new Array<number>(gateways).fill(0)
    for (let i = 0; i < partitions; i++) {
      const wishes = drawn.map(each => each[i]!)
      shares[wishes.indexOf(Math.max(...wishes))]!++
    }
    return shares
  }
  const draws = Array.from({ length: 500 }, (_, i) => i * 7919 + 1)

  it('are integers that AMQP can carry, none twice', () => {
    const drawn = drawPriorities(256)
    expect(new Set(drawn).size).toBe(256)
    for (const priority of drawn) expect(priority >= 0 && priority < 2 ** 31 && Number.isInteger(priority)).toBe(true)
  })

  it('leave hardly a gateway without work, and none with all of it, at four partitions each', () => {
    for (const gateways of [2, 3, 4]) {
      const seen = draws.map(seed => shares(gateways, gateways * 4, seed))
      const idle = seen.filter(each => Math.min(...each) === 0).length
      expect(idle / seen.length, `${gateways} gateways`).toBeLessThan(0.02)
      expect(Math.max(...seen.flat())).toBeLessThan(gateways * 4)
    }
  })
})

describe('a partition', () => {
  it('is a quorum queue with a single active consumer', () => {
    const options = { queue: 'q', partitions: 4, bind: [{ exchange: 'e' }], prefetch: 10 }
    expect(partitionOptions(options, 'q.3', 7)).toEqual({
      queue: 'q.3',
      type: 'quorum',
      singleActiveConsumer: true,
      priority: 7,
      prefetch: 10,
    })
  })

  it.each([
    [undefined, {}, 'subject'],
    [{ header: 'user_id' }, { 'hash-header': 'user_id' }, 'headers.user_id'],
    [{ header: 'user-id' }, { 'hash-header': 'user-id' }, 'headers["user-id"]'],
    [{ property: 'message_id' }, { 'hash-property': 'message_id' }, 'id'],
    [{ property: 'correlation_id' }, { 'hash-property': 'correlation_id' }, undefined],
  ] as const)('is chosen by %j', (partitionBy, args, expression) => {
    const options = { queue: 'q', partitions: 4, ...(partitionBy === undefined ? {} : { partitionBy }) }
    expect(hashArguments(options)).toEqual(args)
    expect(partitionExpression(options)).toBe(expression)
  })

  it('has no key where there are no partitions', () => {
    expect(partitionExpression({ queue: 'q' })).toBeUndefined()
  })
})

describe('merged streams', () => {
  async function* list(...items: number[]) {
    for (const item of items) {
      await new Promise(resolve => setImmediate(resolve))
      yield item
    }
  }

  test('give everything of each in its order, and end when all have ended', async () => {
    const items = await Array.fromAsync(new Merged([list(1, 2, 3), list(), list(10, 20)]))
    expect(items.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 10, 20])
    expect(items.filter(item => item < 10)).toEqual([1, 2, 3])
    expect(items.filter(item => item >= 10)).toEqual([10, 20])
    expect(await Array.fromAsync(new Merged([]))).toEqual([])
  })

  test('one that stands still holds up no other', async () => {
    async function* silent(): AsyncGenerator<number> {
      await new Promise(() => {})
    }
    const seen: number[] = []
    for await (const item of new Merged([silent(), list(1, 2, 3)])) if (seen.push(item) === 3) break
    expect(seen).toEqual([1, 2, 3])
  })

  test('throw what one of them throws', async () => {
    async function* broken(): AsyncGenerator<number> {
      yield 1
      throw new Error('lost')
    }
    await expect(Array.fromAsync(new Merged([list(5, 6), broken()]))).rejects.toThrow('lost')
  })

  test('take no more than one item of each ahead', async () => {
    let made = 0
    async function* counting() {
      for (;;) yield ++made
    }
    for await (const item of new Merged([counting()])) if (item === 3) break
    expect(made).toBeLessThanOrEqual(4)
  })
})
