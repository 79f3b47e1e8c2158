import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Delivery, Sink, Source } from '../../../src/core/ports.ts'
import type { FaultRates } from '../../../src/drivers/memory/faults.ts'
import { effort } from '../../effort.ts'
import { flushed, MemoryLab } from './memory-lab.ts'

const KEYS = ['a', 'b', 'c', 'd']
const IN_FLIGHT = 7

type Step =
  | { readonly do: 'publish'; readonly keys: readonly string[] }
  | { readonly do: 'settle'; readonly which: number; readonly ack: boolean }
  | { readonly do: 'open' | 'close' | 'disconnect' | 'kill' | 'freeze' | 'thaw' | 'down' | 'up' | 'flush' }

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('publish' as const),
      keys: fc.array(fc.constantFrom(...KEYS), { maxLength: 6 }),
    }),
  },
  { weight: 10, arbitrary: fc.record({ do: fc.constant('settle' as const), which: fc.nat(50), ack: fc.boolean() }) },
  { weight: 4, arbitrary: fc.constantFrom<Step>({ do: 'open' }, { do: 'flush' }) },
  { weight: 2, arbitrary: fc.constantFrom<Step>({ do: 'close' }, { do: 'disconnect' }, { do: 'kill' }) },
  { weight: 2, arbitrary: fc.constantFrom<Step>({ do: 'freeze' }, { do: 'thaw' }, { do: 'down' }, { do: 'up' }) },
)
interface Options {
  readonly mode: 'queue' | 'log'
  readonly orderedBatch: boolean
  readonly seed: number
  readonly steps: readonly Step[]
}

const run: fc.Arbitrary<Options> = fc.record({
  mode: fc.constantFrom('queue' as const, 'log' as const),
  orderedBatch: fc.boolean(),
  seed: fc.integer(),
  steps: fc.array(step, { maxLength: 60 }),
})

/** A world in which steps happen: one address, whoever reads it, and what they hold. */
class World {
  readonly lab: MemoryLab
  readonly sources = new Set<{
    readonly source: Source
    readonly held: Delivery[]
    readonly stop: AbortController
    readonly reading: Promise<void>
  }>()
  readonly publishing: Promise<unknown>[] = []
  readonly confirmed: string[] = []
  #sink: Sink | undefined
  #made = 0

  constructor(options: { mode: 'queue' | 'log'; orderedBatch: boolean; seed: number }) {
    this.lab = new MemoryLab({ ...options, timeout: '20ms' })
    this.lab.broker.create('a', options.mode === 'log' ? { mode: 'log', partitions: 3 } : { mode: 'queue' })
  }

  async take(one: Step): Promise<void> {
    const { reach } = this.lab.broker
    if (one.do === 'publish') this.publishing.push(this.publish(one.keys))
    else if (one.do === 'settle') this.settle(one.which, one.ack)
    else if (one.do === 'open') await this.open()
    else if (one.do === 'close') await this.close([...this.sources][0])
    else if (one.do === 'kill') {
      this.lab.kill()
      this.#sink = undefined
    } else if (one.do === 'disconnect') reach.disconnect()
    else if (one.do === 'freeze') reach.freeze()
    else if (one.do === 'thaw') reach.thaw()
    else if (one.do === 'down') reach.goDown()
    else if (one.do === 'up') reach.comeUp()
    else await flushed()
    for (const { held } of this.sources)
      expect(held.filter(delivery => !delivery.expired).length).toBeLessThanOrEqual(IN_FLIGHT)
  }

  // What a killed process has under way is never answered: it is given up after a while.
  async publish(keys: readonly string[]): Promise<void> {
    if (keys.length === 0) return
    const ids = keys.map(key => `${key}/${++this.#made}`)
    const { promise, resolve } = Promise.withResolvers<readonly string[]>()
    const timer = setTimeout(resolve, 200, ids)
    const results = await Promise.race([this.send(ids), promise])
    clearTimeout(timer)
    results.forEach((code, i) => {
      if (code === undefined) this.confirmed.push(ids[i]!)
    })
  }

  async send(ids: readonly string[]): Promise<readonly (string | undefined)[]> {
    const sink = (this.#sink ??= await this.lab.sink({ partitions: 3 }).catch(() => undefined))
    return sink === undefined ? ids : this.lab.publish(sink, ...ids)
  }

  settle(which: number, ack: boolean): void {
    const all = [...this.sources].flatMap(({ held }) => held)
    const delivery = all[which % Math.max(1, all.length)]
    if (delivery === undefined) return
    for (const { held } of this.sources) if (held.includes(delivery)) held.splice(held.indexOf(delivery), 1)
    if (ack) delivery.ack()
    else delivery.release()
  }

  async open(): Promise<void> {
    const source = await this.lab.source({ partitions: 3 }, IN_FLIGHT).catch(() => undefined)
    if (source === undefined || this.sources.size > 2) return source?.[Symbol.asyncDispose]()
    const held: Delivery[] = []
    const stop = new AbortController()
    const read = async () => {
      for await (const batch of source.receive(stop.signal)) held.push(...batch)
    }
    this.sources.add({ source, held, stop, reading: read().catch(() => {}) })
  }

  async close(one: (typeof this.sources extends Set<infer T> ? T : never) | undefined): Promise<void> {
    if (one === undefined) return
    this.sources.delete(one)
    one.stop.abort()
    await one.source[Symbol.asyncDispose]()
    await one.reading
  }

  /** All that was stored was acked at least once, and nothing is under way. */
  get settled(): boolean {
    const { ledger } = this.lab.broker
    const acked = new Set(ledger!.deliveries.filter(({ outcome }) => outcome === 'acked').map(({ id }) => id))
    return ledger!.published('a').every(({ id }) => acked.has(id)) && this.lab.broker.unsettled('a') === 0
  }

  /** Heals everything and reads to the end. */
  async drain(): Promise<void> {
    const { reach, faults } = this.lab.broker
    faults.clear()
    reach.thaw()
    reach.comeUp()
    await Promise.all(this.publishing)
    for (const one of [...this.sources]) await this.close(one)
    await this.open()
    const [last] = [...this.sources]
    const end = performance.now() + 5_000
    while (!this.settled && performance.now() < end) {
      for (const delivery of last!.held.splice(0)) delivery.ack()
      await flushed()
    }
    await this.close(last)
  }
}

async function check(options: Options, rates: FaultRates): Promise<void> {
  const world = new World(options)
  world.lab.broker.faults.set(rates)
  for (const one of options.steps) await world.take(one)
  await world.drain()
  const { ledger } = world.lab.broker
  const stored = ledger!.published('a').map(({ id }) => id)
  expect(new Set(stored)).toEqual(new Set([...world.confirmed, ...stored]))
  const acked = ledger!.deliveries.filter(({ outcome }) => outcome === 'acked').map(({ id }) => id)
  expect(new Set(acked)).toEqual(new Set(stored))
  for (const key of KEYS) {
    const of = (ids: readonly string[]) => [...new Set(ids.filter(id => id.startsWith(`${key}/`)))]
    expect(of(ledger!.deliveries.map(({ id }) => id))).toEqual(of(stored))
  }
  if (options.mode === 'queue') {
    expect(world.lab.contents()).toEqual([])
    if (rates.redeliver === undefined) expect(acked.length).toBe(stored.length)
  }
}

test('whatever happens: confirmed is stored, stored is delivered in the order of its key, acked is gone', async () => {
  await fc.assert(
    fc.asyncProperty(run, options => check(options, {})),
    { numRuns: effort(150) },
  )
})

test('and with faults', async () => {
  const rates = {
    nack: 0.1,
    loseConfirm: 0.1,
    breakPublish: 0.1,
    breakReceive: 0.05,
    redeliver: 0.1,
    storeMs: 2,
    ackMs: 3,
  }
  await fc.assert(
    fc.asyncProperty(run, options => check(options, rates)),
    { numRuns: effort(100) },
  )
})
