import { describe, expect, test } from 'vitest'
import { route, until } from '../engine/lab.ts'
import { ApiLab } from './api-lab.ts'

const state = (api: ApiLab) => api.gateway.status[0]!.state
const running = (api: ApiLab) => until('it runs', () => state(api) === 'running')

describe('the routes', () => {
  test('are listed in the order of the file, disabled ones too', async () => {
    const api = await ApiLab.open({
      routes: [route(), route({ name: 'idle', enabled: false, deadLetter: undefined, transform: [] })],
    })
    await running(api)
    const { status, json } = await api.get('/api/routes')
    expect(status).toBe(200)
    expect(json.routes).toMatchObject([
      {
        name: 'orders',
        state: 'running',
        conditions: [],
        from: { connection: 'here', driver: 'from', address: 'address in' },
        to: { connection: 'there', driver: 'to', address: 'address out' },
        deadLetter: { connection: 'there', address: 'address dead' },
        lagOf: 'group',
        inFlight: 0,
        oldestMs: null,
      },
      { name: 'idle', state: 'disabled', deadLetter: null },
    ])
  })

  test('show counts, latencies and the last errors', async () => {
    const api = await ApiLab.open({
      routes: [route({ transform: [{ name: 'filter', options: '${body.n != 3}', timeout: '1s' }] })],
    })
    for (let n = 1; n <= 4; n++) api.lab.send({ body: { n } })
    api.lab.send({ bytes: Buffer.from('not json') })
    await until('all are settled', () => api.gateway.status[0]!.settled === 5)
    const { json } = await api.get('/api/routes/orders')
    expect(json).toMatchObject({
      received: 5,
      settled: 5,
      deadLettered: 1,
      counts: { delivered: 3, filtered: 1, deadLettered: 1 },
      errors: [{ where: 'transform', code: 'BODY_INVALID', count: 1 }],
    })
    await expect.poll(async () => (await api.get('/api/routes/orders')).json.latency.p99Ms).toBeGreaterThan(0)
    const history = (await api.get('/api/history')).json
    expect(history.everyMs).toBe(1_000)
    expect(Math.max(...history.routes.orders.received)).toBe(5)
    expect(history.routes.orders.received).toHaveLength(history.routes.orders.p99Ms.length)
  })

  test('say why they stand still and how old the oldest message in flight is', async () => {
    const api = await ApiLab.open()
    await running(api)
    api.lab.there.reach.goDown()
    api.lab.send()
    await until('it holds', () => state(api) === 'holding')
    await expect.poll(async () => (await api.get('/api/routes/orders')).json.oldestMs).toBeGreaterThan(5)
    const { json } = await api.get('/api/routes/orders')
    expect(json).toMatchObject({ state: 'holding', inFlight: 1, conditions: [{ part: 'target' }] })
    expect(json.errors[0]).toMatchObject({ where: 'target', code: json.conditions[0].code })
  })

  test('that do not exist are 404 everywhere, with a hint', async () => {
    const api = await ApiLab.open()
    for (const path of ['', '/tap', '/dead-letters', '/dead-letters/1']) {
      const { status, json } = await api.get(`/api/routes/none${path}`)
      expect([status, json.code]).toEqual([404, 'NOT_FOUND'])
    }
    for (const verb of ['pause', 'resume', 'drain', 'restart', 'dead-letters/redrive', 'dead-letters/discard']) {
      const { status, json } = await api.post(`/api/routes/none/${verb}`, { all: true })
      expect([verb, status, json.detail]).toEqual([verb, 404, 'there is no route "none"'])
    }
  })

  test('that are disabled cannot be started, paused or tapped', async () => {
    const api = await ApiLab.open({ routes: [route({ enabled: false })] })
    for (const verb of ['pause', 'resume', 'drain', 'restart'])
      expect((await api.post(`/api/routes/orders/${verb}`)).json.code).toBe('ROUTE_DISABLED')
    expect((await api.get('/api/routes/orders/tap')).json.code).toBe('ROUTE_DISABLED')
  })
})

describe('a route', () => {
  test('that is paused takes nothing, stays ready and live, and goes on when it is resumed', async () => {
    const api = await ApiLab.open()
    await running(api)
    expect((await api.post('/api/routes/orders/pause')).json.state).toBe('paused')
    expect(await api.gateway.route('orders')!.drained(AbortSignal.timeout(60_000))).toBe(true)
    api.lab.send({ id: 'late' })
    expect(api.gateway.ready().ok).toBe(true)
    expect(api.gateway.live().ok).toBe(true)
    expect(api.gateway.openConnections.get('here')).toBe(1)
    expect((await api.post('/api/routes/orders/pause')).json).toMatchObject({ state: 'paused', received: 0 })
    expect((await api.post('/api/routes/orders/resume')).status).toBe(200)
    await until('it arrives', () => api.lab.stored().includes('late'))
    expect(state(api)).toBe('running')
  })

  test('that is paused finishes what is in flight, and acknowledges it', async () => {
    const api = await ApiLab.open()
    api.lab.there.setFaults('out', { confirmMs: 300 })
    for (let n = 0; n < 20; n++) api.lab.send()
    await until('they are in flight', () => api.gateway.status[0]!.inFlight === 20)
    const { status, json } = await api.post('/api/routes/orders/drain')
    expect([status, json.state, json.inFlight, json.settled]).toEqual([200, 'paused', 0, 20])
    expect(api.lab.here.contents('in')).toHaveLength(0)
    expect(api.lab.stored()).toHaveLength(20)
  })

  test('that cannot be drained in time says so, and stays paused', async () => {
    const api = await ApiLab.open({ drain: '100ms' })
    await running(api)
    api.lab.there.reach.goDown()
    api.lab.send()
    await until('it is in flight', () => api.gateway.status[0]!.inFlight === 1)
    const { status, json } = await api.post('/api/routes/orders/drain')
    expect([status, json.code]).toEqual([504, 'TIMED_OUT'])
    expect(json.detail).toContain('1 messages are still in flight')
    expect(state(api)).toBe('paused')
    api.lab.there.reach.comeUp()
    await until('it got out', () => api.lab.stored().length === 1)
    expect(await api.gateway.route('orders')!.drained(AbortSignal.timeout(60_000))).toBe(true)
  })

  test('that is resumed while it drains and cannot, receives again', async () => {
    const api = await ApiLab.open({ routes: [route({ deadLetter: undefined })] })
    api.lab.there.setFaults('out', {}).judge = one => (one.id === 'bad' ? 'MESSAGE_REFUSED' : undefined)
    api.lab.send({ id: 'bad', key: 'a' })
    await until('it is tried again and again', () => api.gateway.status[0]!.heldLanes === 1)
    await api.post('/api/routes/orders/pause')
    await api.post('/api/routes/orders/resume')
    api.lab.send({ id: 'good', key: 'b' })
    await until('it arrives', () => api.lab.stored().includes('good'))
  })

  test('that is restarted begins anew, and loses nothing', async () => {
    const api = await ApiLab.open()
    for (let n = 0; n < 50; n++) api.lab.send()
    await until('some arrive', () => api.lab.stored().length > 0)
    const before = api.gateway.route('orders')
    const { status, json } = await api.post('/api/routes/orders/restart')
    expect([status, json.conditions]).toEqual([200, []])
    expect(api.gateway.route('orders')).not.toBe(before)
    api.lab.send({ id: 'after' })
    await until('all arrive', () => api.lab.firsts().length === 51 && api.lab.here.contents('in').length === 0)
    expect(await api.gateway.metrics()).toMatch(/sluice_received_total\{route="orders"\} 5[1-9]/)
  })

  test('is done one thing at a time', async () => {
    const api = await ApiLab.open({ drain: '2s' })
    await running(api)
    api.lab.there.reach.goDown()
    api.lab.send()
    await until('it is in flight', () => api.gateway.status[0]!.inFlight === 1)
    const draining = api.post('/api/routes/orders/drain')
    await until('it drains', () => state(api) === 'paused')
    expect((await api.post('/api/routes/orders/resume')).json).toMatchObject({ code: 'BUSY', status: 409 })
    api.lab.there.reach.comeUp()
    expect((await draining).status).toBe(200)
  })
})
