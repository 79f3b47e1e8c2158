import { describe, expect, test } from 'vitest'
import type { Delivery, Source } from '../../src/core/ports.ts'
import { Suspects } from '../../src/engine/suspects.ts'
import { Lab, type LabOptions, route, until } from './lab.ts'
import { forever, Handed, scripted, sourceOf } from './scripted.ts'

/** A gateway that reads the given batches, one session each list, and publishes into memory. */
function start(
  sessions: readonly (readonly (readonly Delivery[])[])[],
  changes: Parameters<typeof route>[0] = {},
  options: LabOptions = {},
) {
  let session = 0
  const lost = new Map<number, () => void>()
  const open = async (): Promise<Source> => {
    const number = session++
    const gone = new Promise<void>(resolve => lost.set(number, resolve))
    return sourceOf(async function* (signal) {
      for (const batch of sessions[number] ?? []) {
        yield batch
        await new Promise(resolve => setTimeout(resolve, 5))
      }
      await Promise.race([gone, forever(signal)])
    })
  }
  const odd = scripted('odd', { source: open })
  const lab = new Lab({ plugins: [odd.plugin], connections: [odd.connection], ...options })
  const { gateway } = lab.start([route({ from: { connection: 'odd', options: {} }, ...changes })])
  return { lab, gateway, status: () => gateway.status[0]!, lose: (number: number) => lost.get(number)?.() }
}

/** The most messages on the line whenever one is published. */
function mostInFlight(lab: Lab, status: () => { readonly inFlight: number }): () => number {
  let most = 0
  lab.there.faults.judge = () => {
    most = Math.max(most, status().inFlight)
    return undefined
  }
  return () => most
}

const handed = (count: number, attempt = 1, name = 'm') =>
  Array.from({ length: count }, (_, n) => new Handed({ id: `${name}${n}`, key: `${name}${n}`, attempt }))

describe('a route', () => {
  // Invariant 6, whatever the source hands out at once, and with what an earlier session left behind.
  test('never has more than inFlight messages on its line', async () => {
    const deliveries = handed(1_000)
    const { lab, gateway, status } = start([[deliveries]], { inFlight: 20 })
    const most = mostInFlight(lab, status)
    await until('all settled', () => deliveries.every(each => each.acks === 1))
    expect(most()).toBe(20)
    await gateway.stop(1_000)
  })

  test('stops taking when its target goes away, and holds what it has', async () => {
    const batches = Array.from({ length: 10 }, (_, n) => handed(10, 1, `b${n}-`))
    const { lab, gateway, status } = start([batches], { inFlight: 1_000 })
    lab.there.setFaults('out', { unavailable: 1 })
    await until('it holds', () => status().state === 'holding')
    await new Promise(resolve => setTimeout(resolve, 50))
    expect(status().received).toBeLessThan(100)
    lab.there.setFaults('out', {})
    await until('all arrived', () => lab.stored().length === 100)
    await gateway.stop(1_000)
  })

  test('takes nothing from a new session either while its target is away', async () => {
    const { lab, gateway, status, lose } = start([[handed(1, 1, 'old')], [handed(9, 1, 'new')]])
    lab.there.setFaults('out', { unavailable: 1 })
    await until('it holds', () => status().state === 'holding')
    lose(0)
    await new Promise(resolve => setTimeout(resolve, 50))
    expect(status().received).toBe(1)
    lab.there.setFaults('out', {})
    await until('all arrived', () => lab.stored().length >= 9)
    await gateway.stop(1_000)
  })

  // Invariant 6, whatever the source makes of its own limit.
  test('never holds more memory than it may, and a batch', async () => {
    const batches = Array.from({ length: 30 }, (_, n) => [
      new Handed({ id: `m${n}`, key: `k${n}`, bytes: Buffer.alloc(1_024) }),
    ])
    const { lab, gateway, status } = start([batches], { retry: { attempts: 1_000_000 } }, { memory: '8KiB' })
    lab.there.setFaults('out', { nack: 1 })
    await until('it is full', () => status().inFlight === 8)
    await new Promise(resolve => setTimeout(resolve, 100))
    expect(status().inFlight).toBe(8)
    lab.there.setFaults('out', {})
    await until('all arrived', () => lab.stored().length === 30)
    await gateway.stop(1_000)
  })

  test('gives back at the stop what waits for its rate, and the memory it held', async () => {
    const deliveries = handed(50)
    const { gateway, status, lab } = start([[deliveries]], { rate: '10/s' })
    await until('some passed', () => lab.stored().length >= 2)
    const began = performance.now()
    await gateway.stop(5_000)
    expect(performance.now() - began).toBeLessThan(4_500)
    const acked = deliveries.filter(each => each.acks === 1).length
    expect(acked).toBe(lab.stored().length)
    expect(acked).toBeLessThan(50)
    expect(status().inFlight).toBe(0)
    expect(await gateway.metrics()).toContain(`sluice_expired_total{route="orders"} ${50 - acked}`)
  })

  test('does not spend its rate on what has expired meanwhile', async () => {
    const deliveries = handed(100)
    const { lab, gateway, status, lose } = start([[deliveries], [handed(3, 1, 'new')]], { rate: '20/s' })
    await until('some passed', () => lab.stored().length >= 2)
    for (const each of deliveries) each.expired = true
    lose(0)
    await until('the new session runs', () => lab.stored().some(id => id.startsWith('new')))
    expect(status().state).toBe('running')
    await gateway.stop(1_000)
  })
})

describe('messages delivered again and again', () => {
  test('go one at a time, and at the rate of the route', async () => {
    const suspects = handed(8, 5)
    const { lab, gateway, status } = start([[suspects]], { rate: '50/s' })
    const most = mostInFlight(lab, status)
    const began = performance.now()
    await until('all settled', () => suspects.every(each => each.acks === 1))
    expect(most()).toBe(1)
    // Five may go at once, three more at 50 a second.
    expect(performance.now() - began).toBeGreaterThan(40)
    expect(lab.stored().length).toBe(8)
    await gateway.stop(1_000)
  })

  test('wait until what is on the line already has left it', async () => {
    const normal = handed(5)
    const { lab, gateway, status } = start([[normal, handed(1, 5, 'suspect')]])
    lab.there.faults.set({ confirmMs: 30, storeMs: 30 })
    await until('the suspect is on the line', () => lab.stored().includes('suspect0'))
    expect(normal.every(each => each.acks === 1)).toBe(true)
    expect(status().inFlight).toBeLessThanOrEqual(1)
    await gateway.stop(1_000)
  })

  // Was: one of them that was refused again and again held the whole route for all its attempts, or for ever.
  test('hold nobody else once they have not stopped the process but merely fail', async () => {
    const suspects = handed(3, 5)
    const { lab, gateway } = start([[suspects, handed(20, 1, 'x')]], { deadLetter: undefined })
    lab.there.faults.judge = one => (one.id === 'm1' ? 'MESSAGE_REFUSED' : undefined)
    await until('the others passed', () => lab.stored().length === 22)
    expect(suspects.map(each => each.acks)).toEqual([1, 0, 1])
    await gateway.stop(100)
  })

  test('are no crash loop while the target is away: nothing is put aside', async () => {
    const { lab, gateway, status } = start([[handed(4, 5)]])
    lab.there.setFaults('out', { unavailable: 1 })
    await until('it holds', () => status().state === 'holding')
    await new Promise(resolve => setTimeout(resolve, 50))
    expect(lab.stored('dead')).toEqual([])
    lab.there.setFaults('out', {})
    await until('all arrived', () => lab.stored().length === 4)
    await gateway.stop(1_000)
  })
})

describe('the prime suspect of a crash loop', () => {
  test('is put aside unseen, and the others get their chance', async () => {
    const suspects = handed(3, 11)
    const { lab, gateway } = start([[suspects]])
    await until('all settled', () => suspects.every(each => each.acks === 1))
    expect(lab.stored('dead')).toEqual(['m0'])
    expect(lab.there.contents('dead')[0]?.headers.view).toMatchObject({
      'sluice-dead-reason': 'CRASH_LOOP',
      'sluice-dead-stage': 'receive',
    })
    expect(lab.stored()).toEqual(['m1', 'm2'])
    await gateway.stop(1_000)
  })

  test('is tried once more where nothing can be put aside', async () => {
    const suspects = handed(2, 11)
    const { lab, gateway } = start([[suspects]], { deadLetter: undefined })
    await until('all settled', () => suspects.every(each => each.acks === 1))
    expect(lab.stored()).toEqual(['m0', 'm1'])
    await gateway.stop(1_000)
  })

  // Was: with a source that flapped for a night, one healthy message of each session was put aside as a crash loop.
  test('is none that comes in a later session of a process that lives', () => {
    const suspects = new Suspects()
    suspects.session()
    suspects.session()
    expect(suspects.accuse(new Handed({ attempt: 19 }))).toBeUndefined()
  })
})
