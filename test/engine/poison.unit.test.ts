import { describe, expect, test } from 'vitest'
import { SluiceError } from '../../src/core/errors.ts'
import { Headers } from '../../src/core/headers.ts'
import type { Plugin, Transform } from '../../src/core/ports.ts'
import { Lab, route, until } from './lab.ts'
import { forever, Handed, scripted, sinkOf, sourceOf } from './scripted.ts'

const acked = (lab: Lab) => until('all acked', () => lab.here.contents('in').length === 0)
const isLetter = (headers: Headers) => headers.get('sluice-dead-reason') !== undefined
const parts: Transform = one => ['a', 'b', 'c'].map(part => one.with({ id: `${one.id}${part}` }))
const step = (name: string) => ({ name, options: {}, timeout: '10s' })
const plugin = (transform: Transform): Plugin => ({
  name: 'mine',
  transforms: [{ name: 'mine', schema: {} as never, create: () => transform }],
})

describe('a dead-letter target', () => {
  const deadLetter = { connection: 'elsewhere', options: { address: 'dead' } }

  test('that is down from the start holds the route at the first dead letter, and the source is not acked', async () => {
    const lab = new Lab()
    lab.elsewhere.reach.goDown()
    lab.there.faults.judge = one => (one.id === 'm5' ? 'MESSAGE_REFUSED' : undefined)
    for (let n = 0; n < 20; n++) lab.send({ key: 'k' })
    const { gateway } = lab.start([route({ deadLetter })])
    await until('it holds', () => gateway.status[0]?.conditions.some(each => each.part === 'dead letter') === true)
    await until('the others passed', () => lab.stored().length === 19)
    await until('they are acked', () => lab.here.contents('in').length === 1)
    expect(lab.here.contents('in').map(each => each.id)).toEqual(['m5'])
    expect(gateway.status[0]).toMatchObject({ state: 'holding', conditions: [{ code: 'CONNECT_FAILED' }] })
    lab.elsewhere.reach.comeUp()
    await acked(lab)
    expect(lab.elsewhere.contents('dead').map(each => each.id)).toEqual(['m5'])
    await until('it runs', () => gateway.status[0]?.state === 'running')
    await gateway.stop(1_000)
  })

  test('that is away is given nothing more to do: the route takes no messages meanwhile', async () => {
    const lab = new Lab()
    lab.elsewhere.reach.goDown()
    lab.there.faults.judge = () => 'MESSAGE_REFUSED'
    for (let n = 0; n < 2_000; n++) lab.send({ key: `k${n}` })
    const { gateway } = lab.start([route({ deadLetter, inFlight: 5_000 })])
    await until('it holds', () => gateway.status[0]?.state === 'holding')
    const { received } = gateway.status[0]!
    // Each lost session brought its copies once more.
    for (let n = 0; n < 5; n++) {
      lab.here.reach.disconnect()
      await new Promise(resolve => setTimeout(resolve, 30))
    }
    expect(gateway.status[0]!.received).toBeLessThan(received + 1_000)
    lab.elsewhere.reach.comeUp()
    await acked(lab)
    expect(new Set(lab.elsewhere.contents('dead').map(each => each.id)).size).toBe(2_000)
    await gateway.stop(1_000)
  })

  test('that refuses a dead letter holds the route, says which and why, and goes on when it takes it', async () => {
    const lab = new Lab()
    lab.there.maxBytes = 1_000
    lab.elsewhere.maxBytes = 300
    lab.send({ id: 'big', body: { text: 'x'.repeat(2_000) } })
    lab.send({ id: 'small' })
    const { gateway } = lab.start([route({ deadLetter })])
    await until('it says so', () => gateway.status[0]!.conditions.length > 0)
    expect(gateway.status[0]!.conditions[0]).toMatchObject({ part: 'dead letter', code: 'DEAD_LETTER_FAILED' })
    expect(gateway.status[0]!.conditions[0]!.message).toMatch(/message big was refused: .*300/)
    const before = gateway.status[0]!.received
    for (let n = 0; n < 5; n++) {
      lab.send({ id: `later ${n}` })
      await new Promise(resolve => setTimeout(resolve, 10))
    }
    // One batch was waited for already.
    expect(gateway.status[0]!.received).toBeLessThanOrEqual(before + 1)
    lab.elsewhere.maxBytes = 10_000
    await acked(lab)
    expect(lab.stored().length).toBe(6)
    expect(gateway.status[0]!.conditions).toEqual([])
    await gateway.stop(1_000)
  })

  // Invariant 1: the source is acked only after it was confirmed there.
  test('confirms before the source is acked', async () => {
    const lab = new Lab()
    lab.elsewhere.faults.set({ confirmMs: 20, storeMs: 20 })
    lab.there.faults.judge = () => 'MESSAGE_REFUSED'
    for (let n = 0; n < 30; n++) lab.send({ key: `k${n}` })
    const { kill } = lab.start([route({ deadLetter })])
    await until('some are there', () => lab.elsewhere.contents('dead').length > 0)
    await kill()
    const there = new Set(lab.elsewhere.contents('dead').map(each => each.id))
    const left = new Set(lab.here.contents('in').map(each => each.id))
    expect(new Set([...there, ...left]).size).toBe(30)
  })
})

describe('without a dead letter', () => {
  test('a poison message blocks its key, the others run, and status says which', async () => {
    const lab = new Lab()
    let bad = true
    lab.there.faults.judge = one => (bad && one.id === 'm7' ? 'TOO_LARGE' : undefined)
    for (let n = 0; n < 50; n++) lab.send({ key: `k${n % 5}` })
    const { gateway } = lab.start([route({ deadLetter: undefined })])
    await until('the others passed', () => lab.stored().length >= 41)
    await until('it says so', () => gateway.status[0]!.conditions.length > 0)
    expect(gateway.status[0]).toMatchObject({
      state: 'running',
      conditions: [{ part: 'message', code: 'TOO_LARGE', hint: expect.stringContaining('deadLetter') }],
    })
    expect(gateway.status[0]!.conditions[0]!.message).toContain('m7')
    expect(gateway.ready().ok).toBe(true)
    expect(lab.log.lines.filter(line => line.includes('m7')).length).toBe(1)
    bad = false
    await acked(lab)
    expect(gateway.status[0]!.conditions).toEqual([])
    await gateway.stop(1_000)
  })

  test('a loop does, too, and so does a message without an ordering key; nothing is dropped', async () => {
    const lab = new Lab()
    lab.send({ id: 'loop', headers: Headers.of({ 'sluice-hops': Array(80).fill('a@1').join() }) })
    lab.send({ id: 'list', body: { key: [1] } })
    for (let n = 0; n < 10; n++) lab.send({ body: { key: n } })
    const { gateway } = lab.start([route({ deadLetter: undefined, order: { by: '${body.key}' } })])
    await until('the others passed', () => lab.stored().length === 10)
    expect(gateway.status[0]!.conditions[0]!.message).toContain('and 1 other message')
    await gateway.stop(100)
    expect(lab.here.contents('in').map(each => each.id)).toEqual(['loop', 'list'])
  })
})

describe('a message', () => {
  test('whose headers cannot be read is put aside with its bytes', async () => {
    const bad = new Handed({
      id: 'bad',
      headers: new Headers(() => {
        throw new SluiceError('HEADERS_INVALID', 'header 3 is cut short')
      }),
    })
    const odd = scripted('odd', {
      source: async () =>
        sourceOf(async function* (signal) {
          yield [bad, new Handed({ id: 'good' })]
          await forever(signal)
        }),
    })
    const lab = new Lab({ plugins: [odd.plugin], connections: [odd.connection] })
    const { gateway } = lab.start([route({ from: { connection: 'odd', options: {} } })])
    await until('acked', () => bad.acks === 1)
    const [letter] = lab.there.contents('dead')
    expect(letter?.bytes?.toString()).toBe('{}')
    expect(letter?.headers.view).toMatchObject({
      'sluice-dead-reason': 'HEADERS_INVALID',
      'sluice-dead-message': 'header 3 is cut short',
    })
    await until('the good one', () => lab.stored().length === 1)
    await gateway.stop(1_000)
  })

  test.each([true, false])(
    'that fails after a split is put aside whole, acked once (orderedBatch: %s)',
    async orderedBatch => {
      const lab = new Lab({ plugins: [plugin(parts)], orderedBatch })
      lab.there.faults.judge = one => (one.id === 'm1b' && !isLetter(one.headers) ? 'MESSAGE_REFUSED' : undefined)
      for (let n = 0; n < 3; n++) lab.send({ key: 'k' })
      const { gateway } = lab.start([route({ transform: [step('mine')] })])
      await acked(lab)
      expect(lab.stored('dead')).toEqual(['m1'])
      // What is behind the part that failed is put aside with it.
      expect(lab.stored()).toEqual(['m0a', 'm0b', 'm0c', 'm1a', 'm2a', 'm2b', 'm2c'])
      await gateway.stop(1_000)
      expect(lab.here.ledger?.settledTwice()).toEqual([])
    },
  )

  test('of which several parts fail at once has used up one attempt', async () => {
    let calls = 0
    const odd = scripted('odd', {
      sink: async () =>
        sinkOf(async messages => {
          calls++
          return messages.map(() => new SluiceError('NACKED', 'no'))
        }),
    })
    const lab = new Lab({ plugins: [plugin(parts), odd.plugin], connections: [odd.connection] })
    lab.send({ key: 'k' })
    const to = { connection: 'odd', options: {} }
    const { gateway } = lab.start([route({ to, transform: [step('mine')], retry: { attempts: 4 } })])
    await acked(lab)
    expect(calls).toBe(4)
    expect(lab.there.contents('dead')[0]?.headers.view).toMatchObject({
      'sluice-dead-reason': 'ATTEMPTS_EXHAUSTED',
      'sluice-dead-attempts': 4,
      'sluice-dead-message': expect.stringContaining('NACKED'),
    })
    expect(await gateway.metrics()).toContain('sluice_retried_total{route="orders"} 3')
    await gateway.stop(1_000)
  })

  test('that asks for another attempt in a transform gets it, in its order', async () => {
    const asked = new Map<string, number>()
    const again: Transform = one => {
      const times = (asked.get(one.id) ?? 0) + 1
      asked.set(one.id, times)
      if (one.id === 'm2' && times < 3) throw new SluiceError('TRANSFORM_AGAIN', 'the service is away')
      return one
    }
    const lab = new Lab({ plugins: [plugin(again)] })
    for (let n = 0; n < 6; n++) lab.send({ key: 'k' })
    const { gateway } = lab.start([route({ transform: [step('mine')] })])
    await acked(lab)
    expect(lab.stored()).toEqual(['m0', 'm1', 'm2', 'm3', 'm4', 'm5'])
    expect(asked.get('m2')).toBe(3)
    expect(await gateway.metrics()).toContain('sluice_retried_total{route="orders"} 2')
    await gateway.stop(1_000)
  })

  test('that hangs in a plug-in is cut, put aside, and holds only its own key', async () => {
    const hang: Transform = one => (one.id === 'm0' ? new Promise<never>(() => {}) : one)
    const lab = new Lab({ plugins: [plugin(hang)] })
    for (let n = 0; n < 6; n++) lab.send({ key: `k${n % 2}` })
    const { gateway } = lab.start([route({ transform: [{ ...step('mine'), timeout: '100ms' }] })])
    await until('the other key passed', () => lab.stored().length === 3)
    expect(lab.stored()).toEqual(['m1', 'm3', 'm5'])
    await acked(lab)
    expect(lab.stored()).toEqual(['m1', 'm3', 'm5', 'm2', 'm4'])
    expect(lab.there.contents('dead')[0]?.headers.get('sluice-dead-reason')).toBe('TRANSFORM_HUNG')
    await gateway.stop(1_000)
  })
})
