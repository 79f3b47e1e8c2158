import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, onTestFinished, test } from 'vitest'
import type { ConnectionConfig, RouteConfig } from '../../src/config/schema.ts'
import { Headers } from '../../src/core/headers.ts'
import type { Plugin } from '../../src/core/ports.ts'
import { store } from '../../src/drivers/memory/stored.ts'
import { message } from '../core/sample.ts'
import { collectGarbage, Lab, route, type Started, until } from './lab.ts'

const all: Started[] = []
afterEach(async () => {
  for (const started of all.splice(0)) await started.kill()
})

function start(lab: Lab, routes: readonly RouteConfig[]): Started {
  const started = lab.start(routes)
  all.push(started)
  return started
}

/** A route of its own queue, `in-NAME`. */
function named(lab: Lab, name: string, changes: Parameters<typeof route>[0] = {}): RouteConfig {
  lab.here.create(`in-${name}`, { mode: 'queue' })
  return route({
    name,
    from: { connection: 'here', options: { address: `in-${name}`, create: false } },
    to: { connection: 'there', options: { address: `out-${name}` } },
    ...changes,
  })
}

function send(lab: Lab, name: string, ids: readonly string[]): void {
  for (const id of ids)
    lab.here.place(`in-${name}`).append(store(message({ id, key: 'k', headers: Headers.EMPTY, subject: name })))
}

const states = ({ gateway }: Started) => Object.fromEntries(gateway.status.map(({ name, state }) => [name, state]))
const allRun = (started: Started) =>
  until('all run', () => started.gateway.status.every(({ state }) => state === 'running'))
const ids = (count: number, name = 'm') => Array.from({ length: count }, (_, n) => `${name}${n}`)
const arrived = (lab: Lab, name: string, count: number) =>
  until(`${count} arrived from ${name}`, () => lab.stored(`out-${name}`).length >= count)
const series = async ({ gateway }: Started, name: string) =>
  (await gateway.metrics()).split('\n').filter(line => line.includes(`route="${name}"`))

const broken: Plugin = {
  name: 'broken',
  transforms: [
    {
      name: 'broken',
      schema: {} as never,
      create: () => {
        throw new Error('no such table')
      },
    },
  ],
}
const uses = (name: string) => [{ name, options: {}, timeout: '10s' }]

describe('a rollout', () => {
  test('starts and stops routes, and leaves the others alone', async () => {
    const lab = new Lab()
    const [a, b, c] = ['a', 'b', 'c'].map(name => named(lab, name)) as [RouteConfig, RouteConfig, RouteConfig]
    const started = start(lab, [a, b])
    await allRun(started)
    send(lab, 'a', ids(10))
    expect(await started.reload([a, c])).toMatchObject([
      { kind: 'stop', route: 'b' },
      { kind: 'start', route: 'c' },
    ])
    await allRun(started)
    send(lab, 'a', ids(10, 'more'))
    send(lab, 'c', ids(5))
    await arrived(lab, 'a', 20)
    await arrived(lab, 'c', 5)
    expect(states(started)).toEqual({ a: 'running', c: 'running' })
    expect(lab.here.ledger!.deliveries.filter(one => one.address === 'in-a').length).toBe(20)
    expect(await started.gateway.metrics()).toContain('sluice_reconnects_total{route="a"} 0')
  })

  test('leaves nothing of a stopped route behind: no series, no connection, no share of the memory', async () => {
    const lab = new Lab()
    lab.there.faults.judge = one => (one.id === 'm3' ? 'MESSAGE_REFUSED' : undefined)
    const a = named(lab, 'a', { deadLetter: { connection: 'elsewhere', options: { address: 'dead' } } })
    const started = start(lab, [a, named(lab, 'b', { deadLetter: undefined })])
    await allRun(started)
    send(lab, 'a', ids(10))
    await until('all left', () => started.gateway.status[0]?.settled === 10)
    expect((await series(started, 'a')).length).toBeGreaterThan(20)
    expect([...started.gateway.openConnections.keys()].toSorted()).toEqual(['elsewhere', 'here', 'there'])
    await started.reload([named(lab, 'b', { deadLetter: undefined })])
    expect(await series(started, 'a')).toEqual([])
    expect([...started.gateway.openConnections.keys()].toSorted()).toEqual(['here', 'there'])
  })

  test('lets go of the memory of what was replaced', async () => {
    const lab = new Lab()
    const started = start(lab, [named(lab, 'a')])
    await allRun(started)
    let made: WeakRef<object>[] = []
    const heavy: Plugin = {
      name: 'heavy',
      transforms: [
        {
          name: 'heavy',
          schema: {} as never,
          create: () => {
            const ballast = { bytes: new Uint8Array(1_000) }
            made.push(new WeakRef(ballast))
            return one => (ballast.bytes.length > 0 ? one : undefined)
          },
        },
      ],
    }
    for (let n = 0; n < 5; n++)
      await started.reload([named(lab, 'a', { transform: uses('heavy'), slow: `${n + 1}s` })], { plugin: heavy })
    await started.reload([named(lab, 'a')])
    await until('all is let go of', async () => {
      await collectGarbage()
      made = made.filter(ref => ref.deref() !== undefined)
      return made.length === 0
    })
  })

  test('a renamed route takes over the queue, in order', async () => {
    const lab = new Lab()
    lab.there.faults.set({ confirmMs: 5 })
    const started = start(lab, [named(lab, 'a')])
    await allRun(started)
    send(lab, 'a', ids(300))
    await arrived(lab, 'a', 20)
    await started.reload([named(lab, 'a', { name: 'b' })])
    await arrived(lab, 'a', 300)
    await until('all acked', () => lab.here.contents('in-a').length === 0)
    expect(lab.firsts('out-a')).toEqual(ids(300))
    expect(states(started)).toEqual({ b: 'running' })
  })

  test('two routes exchange their queues, in order', async () => {
    const lab = new Lab()
    lab.there.faults.set({ confirmMs: 5 })
    const reads = (name: string, queue: string) =>
      named(lab, name, {
        from: { connection: 'here', options: { address: `in-${queue}`, create: false } },
        to: { connection: 'there', options: { address: `out-${queue}` } },
      })
    named(lab, 'a')
    named(lab, 'b')
    const started = start(lab, [reads('a', 'a'), reads('b', 'b')])
    await allRun(started)
    for (const name of ['a', 'b']) send(lab, name, ids(200))
    await arrived(lab, 'a', 20)
    expect(await started.reload([reads('a', 'b'), reads('b', 'a')])).toMatchObject([
      { kind: 'restart' },
      { kind: 'restart' },
    ])
    for (const name of ['a', 'b']) {
      await arrived(lab, name, 200)
      expect(lab.firsts(`out-${name}`)).toEqual(ids(200))
    }
  })

  test('a restart goes on counting, loses nothing and stays in order', async () => {
    const lab = new Lab()
    const started = start(lab, [named(lab, 'a')])
    await allRun(started)
    send(lab, 'a', ids(500))
    await arrived(lab, 'a', 10)
    expect(await started.reload([named(lab, 'a', { inFlight: 20 })])).toMatchObject([{ kind: 'restart' }])
    await arrived(lab, 'a', 500)
    await until('all acked', () => lab.here.contents('in-a').length === 0)
    expect(lab.firsts('out-a')).toEqual(ids(500))
    expect(started.gateway.status[0]!.settled).toBeGreaterThanOrEqual(500)
  })

  test('opens a connection anew that has other options, only for the routes that use it', async () => {
    const lab = new Lab()
    const other: ConnectionConfig = {
      name: 'there',
      driver: 'to',
      options: { url: 'memory://there', timeout: '7s' },
    }
    const a = named(lab, 'a')
    const b = named(lab, 'b', { to: { connection: 'elsewhere', options: { address: 'out-b' } }, deadLetter: 'discard' })
    const started = start(lab, [a, b])
    await allRun(started)
    expect(started.gateway.openConnections.get('there')).toBe(2)
    expect(await started.reload([a, b], { connections: [other] })).toEqual([
      { kind: 'swap', route: 'a', paths: ['connections.there.timeout'] },
    ])
    expect(started.gateway.openConnections.get('there')).toBe(2)
    send(lab, 'a', ids(5))
    send(lab, 'b', ids(5))
    await arrived(lab, 'a', 5)
    await until('b, too', () => lab.elsewhere.ledger?.published('out-b').length === 5)
  })
})

describe('a rollout that cannot be built', () => {
  test('changes nothing: Invariant 7', async () => {
    const lab = new Lab({ plugins: [broken] })
    const [a, b, c] = ['a', 'b', 'c'].map(name => named(lab, name)) as [RouteConfig, RouteConfig, RouteConfig]
    const started = start(lab, [a, b, c])
    await allRun(started)
    const connections = [...started.gateway.openConnections]
    const next = [
      named(lab, 'b', { slow: '5s' }),
      named(lab, 'c', { inFlight: 7 }),
      named(lab, 'd'),
      named(lab, 'e', { transform: uses('broken') }),
    ]
    await expect(started.reload(next)).rejects.toThrow('route e cannot be built: no such table')
    expect(states(started)).toEqual({ a: 'running', b: 'running', c: 'running' })
    expect([...started.gateway.openConnections]).toEqual(connections)
    expect(await series(started, 'd')).toEqual([])
    for (const name of ['a', 'b', 'c']) {
      send(lab, name, ids(5))
      await arrived(lab, name, 5)
    }
    expect(lab.here.ledger!.deliveries.length).toBe(15)
    // And what is right is applied afterwards.
    await started.reload([next[0]!, next[1]!, next[2]!])
    await allRun(started)
    expect(Object.keys(states(started))).toEqual(['b', 'c', 'd'])
  })

  test.each(['swap', 'restart'])('by a %s leaves the route as it is', async kind => {
    const lab = new Lab({ plugins: [broken] })
    const started = start(lab, [named(lab, 'a')])
    await allRun(started)
    const change = { transform: uses('broken'), ...(kind === 'restart' && { inFlight: 7 }) }
    await expect(started.reload([named(lab, 'a', change)])).rejects.toThrow('route a cannot be built')
    send(lab, 'a', ids(5))
    await arrived(lab, 'a', 5)
    expect(states(started)).toEqual({ a: 'running' })
  })
})

test('no timer is left after many reloads', async () => {
  const timers = () => process.getActiveResourcesInfo().filter(each => each === 'Timeout').length
  const before = timers()
  const lab = new Lab()
  const started = start(lab, [named(lab, 'a')])
  await allRun(started)
  const steady = timers()
  for (let n = 1; n <= 10; n++) {
    await started.reload([named(lab, 'a', { slow: `${n}s` }), named(lab, 'b', { inFlight: n })])
    await allRun(started)
  }
  await started.reload([named(lab, 'a')])
  // A wait of at most 50 ms may still run out.
  await until('the timers are gone', () => timers() <= steady)
  await started.gateway.stop(1_000)
  await until('these, too', () => timers() <= before)
})

test.each(['memory', 'file'])('a restart remembers what dedup has seen, in a %s store', async name => {
  const baseDir = mkdtempSync(join(tmpdir(), 'sluice-rollout-'))
  onTestFinished(() => rmSync(baseDir, { recursive: true }))
  const lab = new Lab({ baseDir })
  const dedup = { by: '${id}', window: '1m', count: 1_000, store: name, options: {} }
  const started = start(lab, [named(lab, 'a', { dedup })])
  await allRun(started)
  send(lab, 'a', ids(5))
  await arrived(lab, 'a', 5)
  expect(await started.reload([named(lab, 'a', { dedup, slow: '3s' })])).toMatchObject([{ kind: 'restart' }])
  await allRun(started)
  send(lab, 'a', [...ids(5), 'last'])
  await until('the last arrived', () => lab.stored('out-a').includes('last'))
  expect(lab.stored('out-a')).toEqual([...ids(5), 'last'])
})
