import { describe, expect, test } from 'vitest'
import { type FaultRates, Faults } from '../../../src/drivers/memory/faults.ts'
import { flushed, idsOf, MemoryLab, message, never, Reader } from './memory-lab.ts'

const ids = (count: number, keys = 4) => Array.from({ length: count }, (_, n) => `k${n % keys}/${n}`)

describe('publish faults', () => {
  test('nack refuses about that share, and what is refused is not stored', async () => {
    const lab = new MemoryLab({ orderedBatch: false })
    lab.broker.faults.set({ nack: 0.3 })
    const sent = ids(1_000)
    const results = await lab.publish(await lab.sink(), ...sent)
    expect(lab.contents()).toEqual(sent.filter((_, i) => results[i] === undefined))
    const share = results.filter(code => code === 'NACKED').length / sent.length
    expect(share).toBeGreaterThan(0.25)
    expect(share).toBeLessThan(0.35)
  })

  test('with orderedBatch nothing behind a failed message of its key is stored, other keys are', async () => {
    const lab = new MemoryLab()
    lab.broker.faults.judge = ({ id }) => (id === 'k1/1' ? 'NACKED' : undefined)
    const results = await lab.publish(await lab.sink(), ...ids(8, 2))
    expect(results.map(code => code ?? 'ok').join(' ')).toBe(
      'ok NACKED ok BATCH_BROKEN ok BATCH_BROKEN ok BATCH_BROKEN',
    )
    expect(lab.contents()).toEqual(['k0/0', 'k0/2', 'k0/4', 'k0/6'])
  })

  test('a lost confirm reports a time-out for what is stored', async () => {
    const lab = new MemoryLab()
    lab.broker.faults.judge = ({ id }) => (id === '1' ? 'lose-confirm' : undefined)
    expect(await lab.publish(await lab.sink(), '1')).toEqual(['TIMED_OUT'])
    expect(lab.contents()).toEqual(['1'])
  })

  test.each([
    ['unavailable', 'UNAVAILABLE'],
    ['deny', 'ACCESS_DENIED'],
  ] as const)('%s answers for the whole call with %s and stores nothing', async (fault, code) => {
    const lab = new MemoryLab()
    lab.broker.faults.set({ [fault]: 1 })
    expect(await lab.publish(await lab.sink(), '1', '2')).toEqual([code, code])
    expect(lab.contents()).toEqual([])
  })

  test('a connection that breaks in mid-call leaves a part stored and confirms none', async () => {
    const lab = new MemoryLab({ seed: 3 })
    lab.broker.faults.set({ breakPublish: 1 })
    const sent = ids(100)
    const results = await lab.publish(await lab.sink(), ...sent)
    expect(new Set(results)).toEqual(new Set(['CONNECTION_LOST']))
    const stored = lab.contents()
    expect(stored.length).toBeGreaterThan(0)
    expect(stored.length).toBeLessThan(100)
    expect(stored).toEqual(sent.slice(0, stored.length))
  })

  test('overlapping calls are confirmed in another order than they were made', async () => {
    const lab = new MemoryLab()
    lab.broker.faults.set({ confirmMs: 20 })
    const sink = await lab.sink()
    const confirmed: number[] = []
    await Promise.all(ids(12).map((id, n) => lab.publish(sink, id).then(() => confirmed.push(n))))
    expect(confirmed).not.toEqual(confirmed.toSorted((a, b) => a - b))
    expect(lab.contents()).toEqual(ids(12))
  })

  test('an address may have faults of its own, and be missing', async () => {
    const lab = new MemoryLab()
    lab.broker.setFaults('bad', { missing: true })
    const sink = await lab.sink({ address: '${headers.to}' })
    const { Headers } = await import('../../../src/core/headers.ts')
    const results = await sink.publish(
      ['good', 'bad'].map(to => message({ headers: Headers.of({ to }) })),
      never,
    )
    expect(results.map(result => result?.code)).toEqual([undefined, 'ADDRESS_MISSING'])
  })
})

describe('receive faults', () => {
  test('a source breaks and its deliveries come again', async () => {
    const lab = new MemoryLab()
    await lab.publish(await lab.sink(), '1')
    lab.broker.faults.set({ breakReceive: 1 })
    const broken = new Reader(await lab.source()).next()
    await expect(broken).rejects.toMatchObject({ code: 'CONNECTION_LOST' })
    lab.broker.faults.clear()
    expect(idsOf(await new Reader(await lab.source()).take(1))).toEqual(['1'])
  })

  test.each(['queue', 'log'] as const)('a lost acknowledgement brings a message again (%s)', async mode => {
    const lab = new MemoryLab({ mode })
    await lab.publish(await lab.sink(), '1')
    lab.broker.faults.set({ redeliver: 1 })
    const reader = new Reader(await lab.source())
    for (let attempt = 1; attempt <= 2; attempt++) {
      const [delivery] = await reader.next()
      expect(delivery!.message.source.attempt).toBe(attempt)
      delivery!.ack()
      await flushed()
      lab.broker.faults.clear()
    }
  })

  test('acks that are slow on their way are not at the broker before', async () => {
    const lab = new MemoryLab()
    lab.broker.faults.set({ ackMs: 60_000 })
    await lab.publish(await lab.sink(), '1')
    const source = await lab.source()
    const [one] = await new Reader(source).take(1)
    one!.ack()
    await flushed()
    expect(lab.contents()).toEqual(['1'])
    await source[Symbol.asyncDispose]()
    expect(lab.contents()).toEqual([])
  })
})

test('the same seed gives the same faults', async () => {
  const run = async (seed: number) => {
    const lab = new MemoryLab({ seed })
    const rates: FaultRates = { nack: 0.2, loseConfirm: 0.2 }
    lab.broker.faults.set(rates)
    return lab.publish(await lab.sink(), ...ids(50))
  }
  expect(await run(7)).toEqual(await run(7))
  expect(await run(7)).not.toEqual(await run(8))
})

test('random numbers are spread evenly', () => {
  const faults = new Faults(42)
  const tenths = new Array<number>(10).fill(0)
  for (let i = 0; i < 100_000; i++) tenths[Math.floor(faults.random() * 10)]!++
  for (const count of tenths) expect(Math.abs(count - 10_000)).toBeLessThan(500)
})
