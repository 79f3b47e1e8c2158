import { expect, test } from 'vitest'
import { message } from '../core/sample.ts'
import { ElasticsearchLab, orders, publish, verdict } from './elasticsearch-lab.ts'

const counts = (lab: ElasticsearchLab) => lab.server.bulks.map(({ count }) => count)

test('a hundred documents make a bulk request; what is left over leaves when nothing more comes', async () => {
  await using lab = await ElasticsearchLab.start()
  const results = await publish(await lab.sink({ bulk: { every: '10s' } }), orders(250))
  expect(results).toEqual(new Array(250).fill(null))
  expect(counts(lab)).toEqual([100, 100, 50])
  expect(Object.keys(lab.stored)).toHaveLength(250)
  expect(lab.stored['o-7']).toEqual({ id: 'o-7' })
})

test('calls that overlap share a request, which leaves a second after its first document', async () => {
  await using lab = await ElasticsearchLab.start()
  const sink = await lab.sink({ bulk: { every: '300ms', pause: '1m' } })
  const began = performance.now()
  await Promise.all(orders(30).map(order => publish(sink, [order])))
  expect(counts(lab)).toEqual([30])
  expect(lab.server.bulks[0]!.at - began).toBeGreaterThan(290)
})

test('bytes fill a request, too, and one larger document still goes, alone', async () => {
  await using lab = await ElasticsearchLab.start()
  const sink = await lab.sink({ bulk: { bytes: '1KiB' } })
  const [first, second, third] = [...orders(2), message({ body: { id: 'large', text: 'x'.repeat(3_000) } })]
  expect((await publish(sink, [first!, third!, second!])).map(verdict)).toEqual(['ok', 'ok', 'ok'])
  expect(counts(lab)).toEqual([1, 1, 1])
})

test('bulk requests go one after the other: what was published last stays', async () => {
  await using lab = await ElasticsearchLab.start()
  // Each is faster than the one before.
  lab.server.faults.latency = n => Math.max(0, 100 - 20 * n)
  const sink = await lab.sink({ bulk: { count: 3, every: '0' } })
  const calls = Array.from({ length: 20 }, (_, n) => publish(sink, [message({ body: { id: 'one', n } })]))
  await Promise.all(calls)
  expect(lab.stored).toEqual({ one: { id: 'one', n: 19 } })
})

test('a request that is refused as too large is halved until it passes', async () => {
  await using lab = await ElasticsearchLab.start({ maxContentLength: 2_000 })
  const results = await publish(await lab.sink(), orders(40, { text: 'x'.repeat(50) }))
  expect(results.map(verdict)).toEqual(new Array(40).fill('ok'))
  expect(counts(lab).length).toBeGreaterThan(1)
})

test('a document that is too large for the cluster is told from its neighbours', async () => {
  await using lab = await ElasticsearchLab.start({ maxContentLength: 2_000 })
  const large = message({ body: { id: 'large', text: 'x'.repeat(3_000) } })
  const results = await publish(await lab.sink(), [...orders(2), large])
  expect(results.map(verdict)).toEqual(['ok', 'ok', 'TOO_LARGE poison message'])
})

test('what is given up while it waits is not sent', async () => {
  await using lab = await ElasticsearchLab.start()
  const sink = await lab.sink({ bulk: { every: '10s', pause: '10s' } })
  const stop = new AbortController()
  const given = sink.publish(orders(3), stop.signal)
  stop.abort()
  expect((await given).map(verdict)).toEqual(new Array(3).fill('ABORTED retry endpoint'))
  const [last] = await publish(sink, [message({ body: { id: 'last' } })].concat(orders(99, { later: true }))) // full
  expect(verdict(last)).toBe('ok')
  expect(lab.stored['o-0']).toEqual({ id: 'o-0', later: true })
  expect(counts(lab)).toEqual([100])
})

test('pipeline, refresh and routing are handed on', async () => {
  await using lab = await ElasticsearchLab.start()
  await publish(await lab.sink({ pipeline: 'geo', refresh: true, routing: '${body.id}' }), orders(1))
  expect(lab.server.bulks[0]!.parameters).toMatchObject({ pipeline: 'geo', refresh: 'wait_for' })
  expect(lab.server.index('orders')!.search(-1, 10)).toHaveLength(1)
})
