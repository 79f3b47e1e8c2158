import { setTimeout as wait } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Lab, route, until } from './lab.ts'
import { never, scripted, sinkOf } from './scripted.ts'

const rejections: unknown[] = []
const note = (reason: unknown) => rejections.push(reason)
beforeEach(() => void process.on('unhandledRejection', note))
afterEach(() => {
  process.off('unhandledRejection', note)
  expect(rejections.splice(0)).toEqual([])
})

/** How long it takes, in ms. */
async function timed(work: Promise<unknown>): Promise<number> {
  const began = performance.now()
  await work
  return performance.now() - began
}

describe('stopping', () => {
  test('finishes what is in flight, and acks it', async () => {
    const lab = new Lab()
    lab.there.faults.set({ confirmMs: 20 })
    for (let n = 0; n < 200; n++) lab.send({ key: `k${n % 5}` })
    const { gateway } = lab.start([route()])
    await until('some are in flight', () => (gateway.status[0]?.inFlight ?? 0) > 20)
    await gateway.stop(10_000)
    const left = lab.here.contents('in').map(each => each.id)
    expect(new Set([...lab.stored(), ...left]).size).toBe(200)
    // Nothing that was published comes again.
    expect(left.filter(id => lab.stored().includes(id))).toEqual([])
    expect(lab.here.unsettled('in')).toBe(0)
  })

  test('ends at its deadline when the target is merely slow, and loses nothing', async () => {
    const lab = new Lab()
    lab.there.faults.set({ nack: 1 })
    for (let n = 0; n < 50; n++) lab.send()
    const { gateway } = lab.start([route({ retry: { attempts: 1_000_000 } })])
    await until('in flight', () => (gateway.status[0]?.inFlight ?? 0) === 50)
    expect(await timed(gateway.stop(200))).toBeLessThan(10_000)
    expect(lab.here.contents('in').length).toBe(50)
  })

  test.each<[string, (lab: Lab) => void]>([
    ['down', lab => lab.there.reach.goDown()],
    ['refusing', lab => void lab.there.setFaults('out', { deny: 1 })],
    [
      'up, and its dead-letter target refuses',
      lab => {
        lab.there.setFaults('dead', { nack: 1 })
        lab.there.setFaults('out', {}).judge = () => 'MESSAGE_REFUSED'
      },
    ],
  ])('leaves after about a second when the target is %s', async (_, arrange) => {
    const lab = new Lab()
    const { gateway } = lab.start([route()])
    await until('it runs', () => gateway.status[0]?.state === 'running')
    arrange(lab)
    for (let n = 0; n < 50; n++) lab.send()
    await until('it holds', () => gateway.status[0]!.conditions.length > 0)
    expect(await timed(gateway.stop(20_000))).toBeLessThan(15_000)
    expect(lab.here.contents('in').length).toBe(50)
    expect(lab.here.unsettled('in')).toBe(0)
  })

  test('leaves after about a second when all that is left is a message that blocks its key', async () => {
    const lab = new Lab()
    lab.there.faults.judge = one => (one.id === 'm3' ? 'MESSAGE_REFUSED' : undefined)
    for (let n = 0; n < 50; n++) lab.send()
    const { gateway } = lab.start([route({ deadLetter: undefined })])
    await until('the others passed', () => lab.stored().length === 49)
    expect(await timed(gateway.stop(20_000))).toBeLessThan(15_000)
    expect(lab.here.contents('in').map(each => each.id)).toEqual(['m3'])
  })

  // Kafka's sink stays with a batch until the broker answers: no error ever closes the gate, it only says that it waits.
  test('leaves after about a second when the sink says that it waits for its broker', async () => {
    const odd = scripted('odd', {
      sink: async context => {
        return sinkOf(async () => {
          context.status('waiting', 'no leader')
          return never()
        })
      },
    })
    const lab = new Lab({ plugins: [odd.plugin], connections: [odd.connection] })
    lab.send()
    const { gateway } = lab.start([route({ to: { connection: 'odd', options: {} } })])
    await until('it says so', () => gateway.status[0]?.conditions[0]?.message === 'no leader')
    expect(gateway.status[0]).toMatchObject({ state: 'holding', conditions: [{ part: 'target broker' }] })
    expect(await timed(gateway.stop(20_000))).toBeLessThan(15_000)
  })

  test('during the start ends it', async () => {
    const lab = new Lab()
    lab.send()
    const { gateway } = lab.start([route()])
    expect(await timed(gateway.stop(5_000))).toBeLessThan(4_500)
    expect(gateway.status[0]?.state).toBe('ended')
    expect(lab.here.unsettled('in')).toBe(0)
  })

  test('while the source is away ends the waiting', async () => {
    const lab = new Lab()
    const { gateway } = lab.start([route()])
    await until('it runs', () => gateway.status[0]?.state === 'running')
    lab.here.reach.goDown()
    await until('it holds', () => gateway.status[0]?.state === 'holding')
    expect(await timed(gateway.stop(5_000))).toBeLessThan(4_500)
    expect(gateway.status[0]?.state).toBe('ended')
  })

  test('twice is stopping once', async () => {
    const lab = new Lab()
    for (let n = 0; n < 20; n++) lab.send()
    const { gateway } = lab.start([route()])
    await until('it runs', () => gateway.status[0]?.state === 'running')
    await Promise.all([gateway.stop(5_000), gateway.stop(5_000)])
    await gateway.stop(5_000)
    expect(gateway.status[0]?.state).toBe('ended')
  })

  test('before the start is no trouble', async () => {
    const lab = new Lab()
    const { gateway } = lab.start([route({ enabled: false })])
    expect(gateway.status).toEqual([])
    await gateway.stop(5_000)
  })

  test('leaves nothing open: no timer keeps the process', async () => {
    const timers = () => process.getActiveResourcesInfo().filter(each => each === 'Timeout').length
    const before = timers()
    const lab = new Lab()
    lab.there.faults.set({ nack: 0.5 })
    lab.there.setFaults('dead', { nack: 1 })
    lab.there.setFaults('out', {}).judge = one => (Number(one.id.slice(1)) % 5 === 0 ? 'MESSAGE_REFUSED' : undefined)
    for (let n = 0; n < 100; n++) lab.send({ key: `k${n % 7}` })
    const dedup = { by: '${id}', window: '1m', count: 10, store: 'memory', options: {} }
    const { gateway } = lab.start([route({ retry: { attempts: 1_000, max: '30s' }, rate: '500/s', dedup })])
    await until('dead letters are refused', () => gateway.status[0]!.conditions.length > 0)
    await gateway.stop(100)
    // What a drain waits with may run out by itself.
    await wait(150)
    expect(timers()).toBeLessThanOrEqual(before)
  })
})

describe('a route that has put aside too much', () => {
  test('stops, says so, loses nothing, and gives back what it held', async () => {
    const lab = new Lab()
    for (let n = 0; n < 400; n++) lab.send({ key: `k${n % 7}` })
    lab.there.setFaults('out', {}).judge = () => 'MESSAGE_REFUSED'
    const deadLetter = { connection: 'there', options: { address: 'dead' }, window: { size: 20, threshold: 10 } }
    const { gateway } = lab.start([route({ deadLetter, inFlight: 50 })])
    await until('it stopped', () => gateway.status[0]?.state === 'stopped')
    expect(gateway.status[0]?.conditions).toMatchObject([{ part: 'window', code: 'DEAD_LETTER_WINDOW' }])
    expect(lab.log.lines.filter(line => line.includes('has stopped')).length).toBe(1)
    // Was: the source stayed open with what it held, unsettled, until the process ended.
    await until('the source has it back', () => lab.here.unsettled('in') === 0)
    expect(lab.stored('dead').length).toBe(10)
    expect(lab.here.contents('in').length).toBe(390)
    expect(gateway.ready().ok).toBe(false)
    expect(gateway.live().ok).toBe(true)
    // Was: what was given up never left the line, and the stop waited for it until its deadline.
    expect(await timed(gateway.stop(20_000))).toBeLessThan(15_000)
  })
})
