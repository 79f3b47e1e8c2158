import { describe, expect, test } from 'vitest'
import type { StepConfig } from '../../src/config/schema.ts'
import { Headers } from '../../src/core/headers.ts'
import { route, until } from '../engine/lab.ts'
import { ApiLab, READ_TOKEN } from './api-lab.ts'

// biome-ignore lint/suspicious/noExplicitAny: events are what their schema says.
type Data = any

const running = (api: ApiLab) => until('it runs', () => api.gateway.status[0]!.state === 'running')

describe('events', () => {
  test('show everything each second', async () => {
    const api = await ApiLab.open()
    await running(api)
    const seen: Data[] = []
    for await (const { event, data } of api.events('/api/events', READ_TOKEN)) {
      expect(event).toBe('status')
      seen.push(data)
      if (seen.length === 1) for (let n = 0; n < 10; n++) api.lab.send()
      if (seen.at(-1)!.routes[0].settled === 10) break
    }
    expect(seen.length).toBeGreaterThan(1)
    expect(seen.at(-1)).toMatchObject({ version: expect.stringMatching(/^[0-9a-f]{16}$/), reload: null })
    expect(Date.parse(seen[1]!.at) - Date.parse(seen[0]!.at)).toBeGreaterThan(900)
  })

  test('end with the server', async () => {
    const api = await ApiLab.open()
    const events = api.events('/api/events')
    await events.next()
    await api.close()
    const rest = async () => {
      for await (const { event } of events) expect(event).toBe('status')
    }
    await rest().catch(error => expect(String(error)).toMatch(/terminated|aborted/))
  })
})

describe('a tap', () => {
  const transform = [
    { name: 'filter', options: '${!("drop" in body)}', timeout: '1s' },
    { name: 'set', options: { headers: { region: 'eu' } }, timeout: '1s' },
  ]

  async function tapped(query = '', admin = {}, steps: readonly StepConfig[] = transform) {
    const api = await ApiLab.open({ routes: [route({ transform: steps })], admin })
    await running(api)
    const events = api.events(`/api/routes/orders/tap${query}`)
    expect((await events.next()).value).toMatchObject({ event: 'alive', data: { passed: 0, before: null } })
    const next = async (): Promise<Data> => {
      for await (const { event, data } of { [Symbol.asyncIterator]: () => ({ next: () => events.next() }) })
        if (event === 'message') return data
    }
    return { api, next }
  }

  test('shows messages before and after the transforms', async () => {
    const { api, next } = await tapped()
    api.lab.send({ id: 'a', key: 'k', body: { n: 1 } })
    expect(await next()).toMatchObject({
      passed: 1,
      before: { id: 'a', key: 'k', subject: 'in', headers: [], body: { json: { n: 1 } } },
      after: [{ id: 'a', headers: [{ name: 'sluice-hops' }, { name: 'region', value: 'eu' }] }],
    })
    api.lab.send({ id: 'b', body: { drop: true } })
    expect((await next()).after).toEqual([])
  })

  test('shows what fails, why, and what becomes of it', async () => {
    const failing = [{ name: 'set', options: { headers: { n: '${body.n + 1}' } }, timeout: '1s' }]
    const { api, next } = await tapped('', {}, failing)
    api.lab.send({ id: 'good', body: { n: 1 } })
    expect(await next()).toMatchObject({ passed: 1, before: { id: 'good' }, after: [{ id: 'good' }] })
    api.lab.send({ id: 'bad', body: { n: 'x' } })
    expect(await next()).toMatchObject({
      passed: 2,
      before: { id: 'bad' },
      after: [],
      failure: { code: 'EXPRESSION_FAILED', message: expect.stringContaining('n'), again: false },
    })
  })

  test('hides by name what headers and bodies hold: the usual names, and those of the configuration', async () => {
    const { api, next } = await tapped('', { redact: ['*_number', 'nick'] })
    api.lab.send({
      headers: Headers.of({ 'X-Auth-Token': 'abc', Nick: 'ann', region: 'us' }),
      body: { list: [{ tax_number: 7, Password: 'p', name: 'Ann' }], cookie: { deep: 1 } },
    })
    const { before, after } = await next()
    expect(before.headers).toEqual([
      { name: 'X-Auth-Token', value: '***' },
      { name: 'Nick', value: '***' },
      { name: 'region', value: 'us' },
    ])
    expect(before.body.json).toEqual({
      list: [{ tax_number: '***', Password: '***', name: 'Ann' }],
      cookie: '***',
    })
    expect(JSON.stringify(after)).not.toMatch(/abc|"ann"|"p"|"tax_number":7/)
  })

  test('shows at most so many a second, and counts the others', async () => {
    const { api, next } = await tapped('?rate=1')
    for (let n = 0; n < 100; n++) api.lab.send()
    await until('all are delivered', () => api.lab.stored().length === 100)
    await next()
    await new Promise(resolve => setTimeout(resolve, 1_100))
    api.lab.send({ id: 'last' })
    const second = await next()
    expect([second.before.id, second.passed]).toEqual(['last', 101])
  })

  test('cuts bodies, and shows nothing of those it cannot look through', async () => {
    const { api, next } = await tapped('?body=10')
    api.lab.send({ body: { text: 'x'.repeat(50) } })
    expect((await next()).before.body).toEqual({ bytes: 61, text: '{"text":"x', cut: true })
    api.lab.send({ bytes: Buffer.from(`{"password":"${'x'.repeat(2 ** 20)}"}`) })
    expect((await next()).before.body).toEqual({ bytes: 2 ** 20 + 15, text: '', cut: true })
  })

  test('ends when its caller goes', async () => {
    const api = await ApiLab.open()
    await running(api)
    for await (const _ of api.events('/api/routes/orders/tap')) break
    await until('nobody listens', () => !api.gateway.route('orders')!.tap.open)
  })

  test('ends when its route is started anew', async () => {
    const api = await ApiLab.open()
    await running(api)
    const events = api.events('/api/routes/orders/tap')
    await events.next()
    await api.post('/api/routes/orders/restart')
    for await (const { event } of events) expect(event).toBe('alive')
  })
})
