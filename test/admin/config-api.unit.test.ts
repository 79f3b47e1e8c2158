import { describe, expect, test } from 'vitest'
import { ApiLab, TOKEN } from './api-lab.ts'
import { PLAN, PlannedFile, PROBLEM } from './planned-file.ts'

describe('a configuration', () => {
  test('is planned and applied by its hash', async () => {
    const reloading = new PlannedFile()
    const api = await ApiLab.open({ reloading })
    expect((await api.post('/api/plan')).json).toEqual({ ok: true, plan: PLAN, problems: [] })
    const { status, json } = await api.post('/api/apply', undefined, { headers: { 'if-match': '"cafe"' } })
    expect([status, json.ok, json.trigger]).toEqual([200, true, 'api'])
    await api.post('/api/apply')
    await api.post('/api/apply', undefined, { headers: { 'if-match': '*' } })
    expect(reloading.applied).toEqual([
      ['api', 'cafe'],
      ['api', undefined],
      ['api', undefined],
    ])
    expect((await api.get('/api/reload')).json).toMatchObject({ ok: true, version: 'v1', trigger: 'api' })
  })

  test('whose plan is stale is not applied', async () => {
    const api = await ApiLab.open({ reloading: new PlannedFile() })
    const { status, json } = await api.post('/api/apply', undefined, { headers: { 'if-match': '"beef"' } })
    expect([status, json.code, json.result.plan.hash]).toEqual([412, 'PLAN_STALE', 'cafe'])
    expect((await api.get('/api/reload')).json).toMatchObject({ ok: false, error: 'the plan is another' })
  })

  test('that is invalid is shown with its problems', async () => {
    const reloading = new PlannedFile()
    reloading.breakIt()
    const api = await ApiLab.open({ reloading })
    expect((await api.post('/api/plan')).json).toEqual({ ok: false, problems: [PROBLEM] })
    const { status, json } = await api.post('/api/apply')
    expect([status, json.code, json.result.problems]).toEqual([422, 'CONFIG_INVALID', [PROBLEM]])
  })

  test('that was rolled back says why', async () => {
    const reloading = new PlannedFile()
    reloading.broken = 'the route "orders" did not start'
    const { status, json } = await (await ApiLab.open({ reloading })).post('/api/apply')
    expect([status, json.code, json.detail]).toEqual([409, 'NOT_APPLIED', 'the route "orders" did not start'])
  })

  test('cannot be changed where there is no file', async () => {
    const api = await ApiLab.open()
    for (const path of ['plan', 'apply']) expect((await api.post(`/api/${path}`)).status).toBe(501)
    expect((await api.get('/api/reload')).json.code).toBe('NOT_HERE')
  })

  test('is shown without secrets, and so are the connections', async () => {
    const password = 'pa-ss-wo-rd-123'
    const secret = {
      name: 'secret',
      driver: 'from',
      options: { url: `memory://me:${password}@far?token=t0p`, password },
    }
    const api = await ApiLab.open({ connections: [secret] })
    const { json } = await api.get('/api/config')
    expect(json.version).toMatch(/^[0-9a-f]{16}$/)
    expect(json.config.connections.secret).toEqual({ driver: 'from', url: 'memory://me:***@far?***', password: '***' })
    expect(json.config.routes.orders).toMatchObject({ from: { connection: 'here' }, inFlight: 200 })
    const connections = (await api.get('/api/connections')).json.connections
    expect(connections).toMatchObject([
      { name: 'here', driver: 'from', urls: ['memory://here'], routes: ['orders'] },
      { name: 'there', routes: ['orders'] },
      { name: 'elsewhere', routes: [], users: 0 },
      { name: 'secret', urls: ['memory://me:***@far'] },
    ])
    expect(JSON.stringify([json, connections])).not.toMatch(new RegExp(`${password}|t0p`))
  })
})

describe('no answer', () => {
  test('holds a secret, wherever it stands', async () => {
    const reloading = new PlannedFile()
    reloading.answer = { ok: false, problems: [{ ...PROBLEM, message: `the token ${TOKEN} is odd` }] }
    const api = await ApiLab.open({ reloading })
    api.lab.send({ id: `id-${TOKEN}`, bytes: Buffer.from(`{"note":"${TOKEN}"}`) })
    await api.post('/api/apply')
    const texts: string[] = []
    for (const [path, operations] of Object.entries((await api.description()).paths))
      if ('get' in operations && !operations.get!.responses['200']!.content['text/event-stream'])
        texts.push(JSON.stringify((await api.get(path.replace('{name}', 'orders').replace('{id}', TOKEN))).json))
    texts.push(JSON.stringify((await api.post('/api/plan')).json))
    for await (const { data } of api.events('/api/events')) {
      texts.push(JSON.stringify(data))
      break
    }
    expect(texts.length).toBeGreaterThan(9)
    expect(texts.join('\n')).not.toContain(TOKEN)
    expect(texts.join('\n')).toContain('the token *** is odd')
  })
})

describe('the log level', () => {
  test('is shown and changed', async () => {
    const logLevel = { level: 'info' as 'debug' | 'info' | 'warn' | 'error' }
    const api = await ApiLab.open({ logLevel })
    expect((await api.get('/api/log-level')).json).toEqual({ level: 'info' })
    expect((await api.call('PUT', '/api/log-level', { body: { level: 'debug' } })).json).toEqual({ level: 'debug' })
    expect(logLevel.level).toBe('debug')
    const { status, json } = await api.call('PUT', '/api/log-level', { body: { level: 'loud' } })
    expect([status, json.code]).toEqual([400, 'INVALID_REQUEST'])
    expect(logLevel.level).toBe('debug')
  })

  test('is fixed where the log has none', async () => {
    expect((await (await ApiLab.open()).get('/api/log-level')).status).toBe(501)
  })
})
