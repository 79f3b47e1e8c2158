import { afterEach, describe, expect, onTestFinished, test } from 'vitest'
import type { RouteConfig, StepConfig } from '../../src/config/schema.ts'
import { Lab, route, type Started, until } from './lab.ts'

const labs: Started[] = []
afterEach(async () => {
  for (const started of labs.splice(0)) await started.kill()
})

function start(lab: Lab, routes: readonly RouteConfig[]): Started {
  const started = lab.start(routes)
  labs.push(started)
  return started
}

const to = (address: string, connection = 'there') => ({ connection, options: { address } })
const mark = (value: string): StepConfig => ({
  name: 'set',
  options: { headers: { mark: value } },
  timeout: '10s',
})
const numbers = (ids: readonly string[]) => ids.map(id => Number(id.slice(1)))
const acked = (lab: Lab) => until('all acked', () => lab.here.contents('in').length === 0)
const running = ({ gateway }: Started) => until('it runs', () => gateway.status[0]?.state === 'running')

/** Sends all the time, with keys that take turns; answers how many once it is stopped. */
function stream(lab: Lab): () => number {
  let sent = 0
  const timer = setInterval(() => {
    for (let n = 0; n < 5; n++) lab.send({ key: `k${sent++ % 7}` })
  }, 2)
  onTestFinished(() => clearInterval(timer))
  return () => {
    clearInterval(timer)
    return sent
  }
}

/** Every message once at the address, in order by key, and never given back to the source. */
function expectUntouched(lab: Lab, stored: readonly string[], sent: number): void {
  expect(lab.here.ledger?.deliveries.length, 'each was delivered once').toBe(sent)
  expect(numbers(stored).toSorted((a, b) => a - b)).toEqual(Array.from({ length: sent }, (_, n) => n))
  for (let key = 0; key < 7; key++) {
    const mine = numbers(stored).filter(n => n % 7 === key)
    expect(mine).toEqual(mine.toSorted((a, b) => a - b))
  }
}

describe('a swap', () => {
  test('of a transform gives nothing back, and changes what comes from then on', async () => {
    const lab = new Lab()
    const started = start(lab, [route({ transform: [mark('old')] })])
    await running(started)
    const stop = stream(lab)
    await until('some arrived', () => lab.stored().length > 50)
    expect(await started.reload([route({ transform: [mark('new')] })])).toMatchObject([{ kind: 'swap' }])
    const then = lab.stored().length
    await until('more arrived', () => lab.stored().length > then + 50)
    const sent = stop()
    await acked(lab)
    expectUntouched(lab, lab.stored(), sent)
    const marks = lab.there.ledger!.published('out').map(one => one.headers.get('mark'))
    const switched = marks.indexOf('new')
    expect(switched).toBeGreaterThan(0)
    expect(new Set(marks.slice(0, switched))).toEqual(new Set(['old']))
    expect(new Set(marks.slice(switched))).toEqual(new Set(['new']))
    expect(await started.gateway.metrics()).toContain('sluice_reconnects_total{route="orders"} 0')
  })

  test('of the target sends nothing twice: all before it to the old one, all behind it to the new one', async () => {
    const lab = new Lab()
    lab.there.faults.set({ confirmMs: 10 })
    const started = start(lab, [route()])
    await running(started)
    const stop = stream(lab)
    await until('some arrived', () => lab.stored().length > 50)
    await started.reload([route({ to: to('second') })])
    await until('it goes on', () => lab.stored('second').length > 50)
    const sent = stop()
    await acked(lab)
    expectUntouched(lab, [...lab.stored(), ...lab.stored('second')], sent)
  })

  test('from a target that is away carries over what was in flight, in the order received', async () => {
    const lab = new Lab()
    const started = start(lab, [route({ batch: { size: 3, bytes: '1MiB', linger: '1ms', concurrency: 4 } })])
    await running(started)
    lab.there.reach.goDown()
    for (let n = 0; n < 100; n++) lab.send({ key: `k${n % 7}` })
    await until('it holds', () => started.gateway.status[0]?.state === 'holding')
    await until('all are in flight', () => started.gateway.status[0]?.inFlight === 100)
    await started.reload([route({ to: to('out', 'elsewhere'), deadLetter: undefined })])
    await acked(lab)
    expectUntouched(
      lab,
      lab.elsewhere.ledger!.published('out').map(one => one.id),
      100,
    )
    expect(started.gateway.status[0]).toMatchObject({ state: 'running', conditions: [], inFlight: 0 })
  })

  test('from a line that a message blocks carries that message over', async () => {
    const lab = new Lab()
    lab.there.setFaults('out', {}).judge = one => (one.id === 'm3' ? 'MESSAGE_REFUSED' : undefined)
    const started = start(lab, [route({ deadLetter: undefined })])
    for (let n = 0; n < 20; n++) lab.send({ key: `k${n % 2}` })
    await until('the other key passed', () => lab.stored().length === 11)
    await started.reload([route({ deadLetter: undefined, to: to('second') })])
    await acked(lab)
    expect(lab.stored('second')).toEqual(['m3', 'm5', 'm7', 'm9', 'm11', 'm13', 'm15', 'm17', 'm19'])
    expect(lab.here.ledger?.deliveries.length).toBe(20)
  })

  test('to a target that is away holds the route behind it, as at a start', async () => {
    const lab = new Lab()
    const started = start(lab, [route()])
    await running(started)
    lab.elsewhere.reach.goDown()
    await started.reload([route({ to: to('out', 'elsewhere') })])
    expect(started.gateway.status[0]).toMatchObject({ state: 'holding', conditions: [{ part: 'target' }] })
    for (let n = 0; n < 20; n++) lab.send()
    lab.elsewhere.reach.comeUp()
    await acked(lab)
    expect(lab.elsewhere.ledger?.published('out').length).toBe(20)
    await until('it runs again', () => started.gateway.status[0]?.state === 'running')
  })

  test('loses nothing that failed for good: dead letters in flight go on to the new place', async () => {
    const lab = new Lab()
    lab.there.faults.judge = one => (Number(one.id.slice(1)) % 3 === 0 ? 'MESSAGE_REFUSED' : undefined)
    lab.there.setFaults('dead', { nack: 1 })
    const started = start(lab, [route()])
    for (let n = 0; n < 30; n++) lab.send()
    await until('dead letters are refused', () => started.gateway.status[0]!.conditions.length > 0)
    await started.reload([route({ deadLetter: to('graveyard', 'elsewhere') })])
    await acked(lab)
    expect(lab.elsewhere.ledger?.published('graveyard').length).toBe(10)
    expect(lab.here.ledger?.deliveries.length).toBe(30)
  })

  test('keeps rate and room: what waits before the line goes on at the new rate', async () => {
    const lab = new Lab()
    const started = start(lab, [route({ rate: '20/s', inFlight: 50 })])
    for (let n = 0; n < 200; n++) lab.send({ key: `k${n % 7}` })
    await until('some arrived', () => lab.stored().length > 2)
    await started.reload([route({ inFlight: 50 })])
    await acked(lab)
    expectUntouched(lab, lab.stored(), 200)
  })

  test('of a route that has not begun replaces it', async () => {
    const lab = new Lab()
    lab.there.reach.goDown()
    const started = start(lab, [route({ deadLetter: undefined })])
    lab.send()
    await until('it holds', () => started.gateway.status[0]?.state === 'holding')
    await started.reload([route({ deadLetter: undefined, to: to('out', 'elsewhere') })])
    await acked(lab)
    expect(lab.elsewhere.ledger?.published('out').length).toBe(1)
  })

  test('of a route whose source is away keeps waiting for it', async () => {
    const lab = new Lab()
    const started = start(lab, [route()])
    await running(started)
    lab.here.reach.goDown()
    await until('it holds', () => started.gateway.status[0]?.state === 'holding')
    await started.reload([route({ to: to('second') })])
    expect(started.gateway.status[0]).toMatchObject({ state: 'holding', conditions: [{ part: 'source' }] })
    lab.here.reach.comeUp()
    lab.send()
    await until('it arrives', () => lab.stored('second').length === 1)
  })

  test('twice in a row, and there and back, stays in order', async () => {
    const lab = new Lab()
    lab.there.faults.set({ storeMs: 2, confirmMs: 4 })
    const started = start(lab, [route()])
    await running(started)
    const stop = stream(lab)
    for (let n = 0; n < 10; n++) await started.reload([route({ transform: [mark(String(n))] })])
    const sent = stop()
    await acked(lab)
    expectUntouched(lab, lab.stored(), sent)
  })

  test('ends when the gateway is stopped meanwhile', async () => {
    const lab = new Lab()
    lab.there.faults.set({ nack: 1 })
    const started = start(lab, [route({ retry: { attempts: 1_000_000 } })])
    for (let n = 0; n < 50; n++) lab.send()
    await until('in flight', () => started.gateway.status[0]?.inFlight === 50)
    const reloading = started.reload([route({ to: to('second') })]).catch(() => {})
    const began = performance.now()
    await new Promise(resolve => setTimeout(resolve, 20))
    await started.gateway.stop(100)
    await reloading
    expect(performance.now() - began).toBeLessThan(15_000)
    expect(lab.here.contents('in').length).toBe(50)
    expect(lab.here.unsettled('in')).toBe(0)
    expect(started.gateway.openConnections.size).toBe(0)
  })
})
