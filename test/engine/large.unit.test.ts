import { describe, expect, test } from 'vitest'
import type { SluiceError } from '../../src/core/errors.ts'
import type { Message } from '../../src/core/message.ts'
import type { Plugin, Transform } from '../../src/core/ports.ts'
import { effort } from '../effort.ts'
import { Lab, route, until } from './lab.ts'
import { forever, Handed, scripted, sinkOf, sourceOf } from './scripted.ts'

const MANY = effort(100_000)

/** One batch with everything, to a sink that only counts. */
function run(
  deliveries: readonly Handed[],
  changes: Parameters<typeof route>[0],
  options: { orderedBatch?: boolean; transform?: Transform } = {},
) {
  const published: string[] = []
  const odd = scripted('odd', {
    features: { orderedBatch: options.orderedBatch ?? true },
    source: async () =>
      sourceOf(async function* (signal) {
        yield deliveries
        await forever(signal)
      }),
    sink: async () =>
      sinkOf(async (messages: readonly Message[]): Promise<readonly (SluiceError | null)[]> => {
        await new Promise(resolve => setImmediate(resolve))
        for (const one of messages) published.push(one.id)
        return messages.map(() => null)
      }),
  })
  const plugin: Plugin = {
    name: 'mine',
    transforms: [{ name: 'mine', schema: {} as never, create: () => options.transform! }],
  }
  const lab = new Lab({ plugins: [odd.plugin, plugin], connections: [odd.connection] })
  const transform = options.transform === undefined ? [] : [{ name: 'mine', options: {}, timeout: '10s' }]
  const { gateway } = lab.start([
    route({
      from: { connection: 'odd', options: {} },
      to: { connection: 'odd', options: {} },
      inFlight: 1_000_000,
      batch: { size: 500, bytes: '8MiB', linger: '1ms', concurrency: 4 },
      transform,
      ...changes,
    }),
  ])
  return { gateway, published }
}

const handed = (fields: (n: number) => ConstructorParameters<typeof Handed>[0]) =>
  Array.from({ length: MANY }, (_, n) => new Handed({ id: `m${n}`, key: 'one lane', ...fields(n) }))
const settled = (deliveries: readonly Handed[]) =>
  until('all settled', () => deliveries.every(delivery => delivery.acks === 1))

describe('a hundred thousand at once, in one lane', () => {
  test('pass in their order', async () => {
    const deliveries = handed(() => ({}))
    const { gateway, published } = run(deliveries, {})
    await settled(deliveries)
    expect(published).toEqual(deliveries.map(each => each.message.id))
    await gateway.stop(1_000)
  })

  test('are filtered', async () => {
    const deliveries = handed(() => ({}))
    const { gateway, published } = run(deliveries, {}, { orderedBatch: false, transform: () => undefined })
    await settled(deliveries)
    expect(published).toEqual([])
    await gateway.stop(1_000)
  })

  test('are filtered by a transform that takes its time', async () => {
    const deliveries = handed(() => ({}))
    const { gateway } = run(deliveries, {}, { transform: async () => undefined })
    await settled(deliveries)
    await gateway.stop(1_000)
  })

  test('have no dedup key and are discarded', async () => {
    const deliveries = handed(() => ({}))
    const dedup = { by: '${body.key}', window: '1m', count: 10, store: 'memory', options: {} }
    const { gateway } = run(deliveries, { dedup, deadLetter: 'discard' }, { orderedBatch: false })
    await settled(deliveries)
    await gateway.stop(1_000)
  })

  test('are copies of one', async () => {
    const deliveries = handed(() => ({ properties: { messageId: 'same' }, id: undefined }))
    const dedup = { by: '${id}', window: '1m', count: 10, store: 'memory', options: {} }
    const { gateway, published } = run(deliveries, { dedup })
    await settled(deliveries)
    expect(published).toEqual(['same'])
    await gateway.stop(1_000)
  })

  test('have expired', async () => {
    const deliveries = handed(() => ({}))
    for (const delivery of deliveries) delivery.expired = true
    const { gateway, published } = run(deliveries, {}, { orderedBatch: false })
    await until('all gone', () => gateway.status[0]?.received === MANY && gateway.status[0]?.inFlight === 0)
    expect(published).toEqual([])
    expect(await gateway.metrics()).toContain(`sluice_expired_total{route="orders"} ${MANY}`)
    await gateway.stop(1_000)
  })

  test.each([true, false])('come out of one message (orderedBatch: %s)', async orderedBatch => {
    const one = new Handed({ id: 'whole', key: 'k' })
    const last = new Handed({ id: 'last', key: 'k' })
    const many = orderedBatch ? MANY : 5_000
    const split: Transform = each =>
      each.id === 'last' ? each : Array.from({ length: many }, (_, n) => each.with({ id: `part ${n}` }))
    const { gateway, published } = run([one, last], {}, { orderedBatch, transform: split })
    await settled([one, last])
    expect(published).toEqual([...Array.from({ length: many }, (_, n) => `part ${n}`), 'last'])
    await gateway.stop(1_000)
  })

  test('have a key each, and none is left in memory', async () => {
    const deliveries = handed(n => ({ key: `k${n}` }))
    const { gateway, published } = run(deliveries, {})
    await settled(deliveries)
    expect(new Set(published).size).toBe(MANY)
    expect(gateway.status[0]).toMatchObject({ inFlight: 0, heldLanes: 0 })
    await gateway.stop(1_000)
  })
})
