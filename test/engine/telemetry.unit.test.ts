import { describe, expect, test } from 'vitest'
import type { Plugin } from '../../src/core/ports.ts'
import type { Gateway } from '../../src/engine/gateway.ts'
import { Item } from '../../src/engine/item.ts'
import { Slowness } from '../../src/engine/slowness.ts'
import { Telemetry } from '../../src/engine/telemetry.ts'
import { Lab, Notes, route, until } from './lab.ts'
import { Handed } from './scripted.ts'

/** Each sample of our own in a scrape by its name and labels. */
async function scrape(gateway: Gateway): Promise<Map<string, number>> {
  const lines = (await gateway.metrics()).split('\n').filter(line => line.startsWith('sluice_'))
  return new Map(
    lines.map(line => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
  )
}

const sort: Plugin = {
  name: 'sort',
  transforms: [
    {
      name: 'sort',
      schema: {} as never,
      create: () => one => {
        if (one.id.startsWith('filter')) return undefined
        if (one.id.startsWith('poison')) throw new Error('poison')
        return one
      },
    },
  ],
}

describe('the metrics of a route', () => {
  test('count everything that comes and goes, each once', async () => {
    const lab = new Lab({ plugins: [sort] })
    const bytes = Buffer.from('{"n":1}')
    const send = (name: string, count: number) => {
      for (let n = 0; n < count; n++) lab.send({ id: `${name}${n}`, key: name, bytes })
    }
    send('good', 20)
    send('filter', 3)
    send('poison', 2)
    send('refused', 1)
    for (let n = 0; n < 4; n++) lab.send({ id: 'good0', bytes })
    lab.send({ id: 'nacked', bytes })
    const tries = new Map<string, number>()
    lab.there.setFaults('out', {}).judge = one => {
      tries.set(one.id, (tries.get(one.id) ?? 0) + 1)
      if (one.id === 'refused0') return 'MESSAGE_REFUSED'
      return one.id === 'nacked' && tries.get(one.id)! < 3 ? 'NACKED' : undefined
    }
    const { gateway } = lab.start([
      route({
        transform: [{ name: 'sort', options: {}, timeout: '10s' }],
        dedup: { by: '${id}', window: '1m', count: 100, store: 'memory', options: {} },
      }),
    ])
    await until('all acked', () => lab.here.contents('in').length === 0)
    const after = await scrape(gateway)
    const of = (name: string, more = '') => after.get(`sluice_${name}{route="orders"${more}}`)
    expect(of('received_total')).toBe(31)
    expect(of('received_bytes_total')).toBe(31 * bytes.length)
    expect(of('delivered_total')).toBe(21)
    expect(of('filtered_total')).toBe(3)
    expect(of('deduplicated_total')).toBe(4)
    expect(of('dead_lettered_total', ',reason="TRANSFORM_FAILED"')).toBe(2)
    expect(of('dead_lettered_total', ',reason="MESSAGE_REFUSED"')).toBe(1)
    expect(of('retried_total')).toBe(2)
    expect(of('discarded_total')).toBe(0)
    expect(of('expired_total')).toBe(0)
    expect(of('reconnects_total')).toBe(0)
    expect(of('in_flight')).toBe(0)
    expect(of('held_lanes')).toBe(0)
    expect(of('route_up')).toBe(1)
    expect(of('latency_seconds_count')).toBe(31)
    expect(of('settled_total')).toBe(31)
    expect(of('route_blocked')).toBe(0)
    expect(of('publish_seconds_count')).toBeGreaterThan(0)
    expect(await scrape(gateway)).toEqual(after)
    await gateway.stop(1_000)
    expect((await scrape(gateway)).get('sluice_route_up{route="orders"}')).toBe(0)
  })

  test('show what is in flight, what is held, the lag, and a source that was rebuilt', async () => {
    const lab = new Lab()
    lab.there.setFaults('out', {}).judge = one => (one.id === 'm0' ? 'NACKED' : undefined)
    for (let n = 0; n < 5; n++) lab.send({ key: 'k' })
    const { gateway } = lab.start([route({ retry: { attempts: 1_000_000 } })])
    await until('held', async () => (await scrape(gateway)).get('sluice_held_lanes{route="orders"}') === 1)
    expect((await scrape(gateway)).get('sluice_in_flight{route="orders"}')).toBe(5)
    lab.here.reach.disconnect()
    await until('rebuilt', async () => (await scrape(gateway)).get('sluice_reconnects_total{route="orders"}') === 1)
    await until('running', () => gateway.status[0]?.state === 'running' && gateway.status[0].received === 10)
    expect((await scrape(gateway)).get('sluice_expired_total{route="orders"}')).toBe(5)
    expect((await scrape(gateway)).get('sluice_in_flight{route="orders"}')).toBe(5)
    await gateway.stop(100)
  })

  test('are those of each route', async () => {
    const lab = new Lab()
    lab.here.create('other', { mode: 'queue' })
    for (let n = 0; n < 7; n++) lab.send()
    const { gateway } = lab.start([
      route(),
      route({ name: 'quiet', from: { connection: 'here', options: { address: 'other' } } }),
    ])
    await until('all acked', () => lab.here.contents('in').length === 0)
    const metrics = await scrape(gateway)
    expect(metrics.get('sluice_delivered_total{route="orders"}')).toBe(7)
    expect(metrics.get('sluice_delivered_total{route="quiet"}')).toBe(0)
    await gateway.stop(1_000)
  })

  test('tell what was discarded', async () => {
    const lab = new Lab()
    lab.there.faults.judge = () => 'TOO_LARGE'
    for (let n = 0; n < 3; n++) lab.send()
    const { gateway } = lab.start([route({ deadLetter: 'discard' })])
    await until('all acked', () => lab.here.contents('in').length === 0)
    expect((await scrape(gateway)).get('sluice_discarded_total{route="orders"}')).toBe(3)
    await gateway.stop(1_000)
  })
})

test('the process tells its memory, its CPU time and its start', async () => {
  const text = await new Telemetry().metrics()
  const of = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1])
  expect(of('process_resident_memory_bytes')).toBeGreaterThan(2 ** 20)
  expect(of('process_cpu_seconds_total')).toBeGreaterThan(0)
  expect(of('process_start_time_seconds')).toBeCloseTo(Date.now() / 1_000 - process.uptime(), 0)
})

describe('normal operation', () => {
  test('is silent: no line in the log from the start to the end', async () => {
    const lab = new Lab()
    for (let n = 0; n < 200; n++) lab.send({ key: `k${n % 3}` })
    const { gateway } = lab.start([route({ rate: '10000/s' })])
    await until('all acked', () => lab.here.contents('in').length === 0)
    await gateway.stop(1_000)
    expect(lab.log.lines).toEqual([])
  })
})

describe('a slow message', () => {
  const item = (id: string) => new Item(new Handed({ id }), 0)

  test('is worth a warning, with the slowest and their number, at most one in ten seconds', () => {
    const log = new Notes()
    const slowness = new Slowness('orders', 1_000, log)
    for (const ms of [10, 1_000, 1_001, 5_000, 2_000]) slowness.look(item('m'), ms)
    expect(log.lines).toEqual(['route orders: 1 slow message(s), the slowest took 1001 ms'])
  })

  test('is not when the route says `slow: 0`', () => {
    const log = new Notes()
    new Slowness('orders', 0, log).look(item('m'), 1e9)
    expect(log.lines).toEqual([])
  })

  test('is warned of end to end', async () => {
    const lab = new Lab()
    lab.there.faults.set({ confirmMs: 60, storeMs: 60 })
    for (let n = 0; n < 20; n++) lab.send()
    const { gateway } = lab.start([route({ slow: '1ms' })])
    await until('all acked', () => lab.here.contents('in').length === 0)
    expect(lab.log.lines.length).toBe(1)
    expect(lab.log.lines[0]).toContain('slow message')
    await gateway.stop(1_000)
  })
})

test('telemetry of two gateways is kept apart', async () => {
  const [one, two] = [new Telemetry(), new Telemetry()]
  one.route('orders').took(5, 5)
  expect(await one.metrics()).toContain('sluice_received_total{route="orders"} 5')
  expect(await two.metrics()).not.toContain('orders')
})
