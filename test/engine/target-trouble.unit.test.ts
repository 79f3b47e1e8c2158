import { describe, expect, test } from 'vitest'
import { type ErrorCode, SluiceError } from '../../src/core/errors.ts'
import type { Message } from '../../src/core/message.ts'
import type { Sink } from '../../src/core/ports.ts'
import { Lab, route, until } from './lab.ts'
import { never, type Script, scripted, sinkOf } from './scripted.ts'

type Result = SluiceError | null

/** A gateway that publishes to sinks the test makes, one after the other. */
function start(open: (number: number, signal: AbortSignal) => Promise<Sink>, rest: Script = {}, changes = {}) {
  let opened = 0
  const odd = scripted('odd', { sink: (_context, signal) => open(++opened, signal), ...rest })
  const lab = new Lab({ plugins: [odd.plugin], connections: [odd.connection] })
  const { gateway } = lab.start([route({ to: { connection: 'odd', options: {} }, ...changes })])
  return { lab, gateway, opened: () => opened, status: () => gateway.status[0]! }
}

/** A sink that keeps what it gets, unless `fail` has something against it. */
function keeping(kept: string[], fail: (message: Message, call: number) => ErrorCode | undefined = () => undefined) {
  let calls = 0
  return sinkOf(async messages => {
    calls++
    await new Promise(resolve => setImmediate(resolve))
    return messages.map((one): Result => {
      const code = fail(one, calls)
      if (code !== undefined) return new SluiceError(code, code)
      kept.push(one.id)
      return null
    })
  })
}

async function carried(lab: Lab, count: number): Promise<void> {
  for (let n = 0; n < count; n++) lab.send({ key: `k${n % 3}` })
  await until('all acked', () => lab.here.contents('in').length === 0)
}

describe('a sink', () => {
  test.each<[string, (kept: string[]) => Sink]>([
    [
      'throws',
      kept => {
        let calls = 0
        const good = keeping(kept)
        return sinkOf((messages, signal) => {
          if (++calls < 3) throw new Error('broken driver')
          return good.publish(messages, signal)
        })
      },
    ],
    [
      'gives too few results',
      kept => {
        let calls = 0
        const good = keeping(kept)
        return sinkOf(async (messages, signal) => (++calls < 3 ? [] : good.publish(messages, signal)))
      },
    ],
  ])('that %s now and then loses nothing', async (_, make) => {
    const kept: string[] = []
    const { lab, gateway } = start(async () => make(kept))
    await carried(lab, 30)
    expect(new Set(kept).size).toBe(30)
    expect(lab.stored('dead')).toEqual([])
    await gateway.stop(1_000)
  })

  // Was: what the sink had confirmed in that call was published once more, and the attempts of all were counted.
  test.each<[string, () => Promise<void>]>([
    ['throws', () => Promise.reject(new Error('cannot close'))],
    ['hangs', () => never()],
  ])('that is closed after a fatal error, and whose closing %s, keeps the results it gave', async (_, dispose) => {
    const kept: string[] = []
    const odd = (number: number): Sink => ({
      ...keeping(kept, one => (number === 1 && one.id === 'm1' ? 'ADDRESS_MISSING' : undefined)),
      [Symbol.asyncDispose]: number === 1 ? dispose : async () => {},
    })
    const { lab, gateway, opened } = start(async number => odd(number), {}, { retry: { attempts: 1 } })
    await carried(lab, 3)
    expect(opened()).toBe(2)
    expect(kept.sort()).toEqual(['m0', 'm1', 'm2'])
    expect(lab.stored('dead')).toEqual([])
    await gateway.stop(1_000)
  })

  test('that gives everything up although nobody asked it to holds the route, and is no busy loop', async () => {
    let calls = 0
    const { lab, gateway, status } = start(async () =>
      sinkOf(async messages => {
        calls++
        return messages.map(() => new SluiceError('ABORTED', 'the sink is closed'))
      }),
    )
    lab.send()
    await until('it holds', () => status().state === 'holding')
    await new Promise(resolve => setTimeout(resolve, 300))
    // Every 20 ms: the longest backoff of the route.
    expect(calls).toBeLessThan(50)
    await gateway.stop(1_000)
  })

  test.each<[string, Script]>([
    ['is never told whether the broker is there', { check: () => never() }],
    ['never opens', {}],
  ])('that %s does not keep the gateway from stopping', async (_, script) => {
    const { lab, gateway, status } = start(() => never(), script)
    lab.send()
    await new Promise(resolve => setTimeout(resolve, 20))
    expect(status().state).toBe('starting')
    const began = performance.now()
    await gateway.stop(5_000)
    expect(performance.now() - began).toBeLessThan(4_500)
    expect(status().state).toBe('ended')
  })

  test('that opens after the end is closed', async () => {
    const late = Promise.withResolvers<Sink>()
    let closed = false
    const { gateway, opened } = start(() => late.promise)
    await until('asked', () => opened() === 1)
    await gateway.stop(1_000)
    late.resolve(sinkOf(async () => [], { [Symbol.asyncDispose]: async () => void (closed = true) }))
    await until('closed', () => closed)
  })

  test('whose call never ends does not keep the gateway from stopping at its deadline', async () => {
    const { lab, gateway, status } = start(async () => sinkOf(() => never()))
    lab.send()
    await until('in flight', () => status().inFlight === 1)
    const began = performance.now()
    await gateway.stop(300)
    expect(performance.now() - began).toBeLessThan(10_000)
    expect(lab.here.contents('in').length).toBe(1)
  })
})

describe('a fatal error', () => {
  test('blocks its route, says so once, dead-letters nothing, and goes when it is mended', async () => {
    const lab = new Lab()
    lab.there.setFaults('out', { deny: 1 })
    for (let n = 0; n < 500; n++) lab.send({ key: `k${n % 3}` })
    const { gateway } = lab.start([route({ retry: { attempts: 1 } })])
    await until('blocked', () => gateway.status[0]!.state === 'blocked')
    expect(await gateway.metrics()).toContain('sluice_route_blocked{route="orders"} 1')
    const { conditions, inFlight } = gateway.status[0]!
    expect(conditions).toMatchObject([{ part: 'target', code: 'ACCESS_DENIED' }])
    // The route stops taking messages: it does not fill itself up first.
    expect(inFlight).toBeLessThan(500)
    const received = gateway.status[0]!.received
    await new Promise(resolve => setTimeout(resolve, 400))
    expect(gateway.status[0]!.received - received).toBeLessThanOrEqual(256)
    expect(lab.log.lines.filter(line => line.includes('denies')).length).toBe(1)
    lab.there.setFaults('out', {})
    await until('all acked', () => lab.here.contents('in').length === 0)
    expect(lab.stored('dead')).toEqual([])
    expect(gateway.status[0]!.state).toBe('running')
    expect(lab.log.lines.at(-1)).toContain('target is back')
    await gateway.stop(1_000)
  })

  test('of one route leaves the others alone, also on the same connection', async () => {
    const lab = new Lab()
    lab.here.create('other', { mode: 'queue' })
    lab.there.setFaults('out', { missing: true })
    lab.send()
    const { gateway } = lab.start([
      route({ name: 'bad', from: { connection: 'here', options: { address: 'other' } } }),
      route({ name: 'good', to: { connection: 'there', options: { address: 'fine' } } }),
    ])
    await until('the good one runs', () => lab.here.contents('in').length === 0)
    await until('the bad one is blocked', () => gateway.status[0]!.state === 'blocked')
    expect(gateway.status[1]!.state).toBe('running')
    expect(gateway.ready().ok).toBe(false)
    expect(gateway.live().ok).toBe(true)
    await gateway.stop(1_000)
  })
})
