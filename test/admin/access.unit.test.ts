import { request } from 'node:http'
import { Validator } from '@seriousme/openapi-schema-validator'
import { describe, expect, onTestFinished, test } from 'vitest'
import { AccessControl } from '../../src/admin/access.ts'
import { route } from '../engine/lab.ts'
import { ApiLab, READ_TOKEN, TOKEN } from './api-lab.ts'

const open = { host: '127.0.0.1', token: undefined, readToken: undefined }
const caller = (changes: object = {}) => ({
  host: '127.0.0.1:8085',
  authorization: undefined,
  site: undefined,
  ...changes,
})

/** Every operation there is, ready to be called. */
async function operations(api: ApiLab): Promise<{ method: string; path: string; writes: boolean }[]> {
  return Object.entries((await api.description()).paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { security }]) => ({
      method: method.toUpperCase(),
      path: path.replace('{name}', 'none').replace('{id}', '1'),
      writes: security.length === 1,
    })),
  )
}

describe('access', () => {
  test('to everything under /api takes a token, and to every write the one that may', async () => {
    const api = await ApiLab.open()
    const all = await operations(api)
    expect(all.filter(({ writes }) => writes)).toHaveLength(9)
    for (const { method, path, writes } of all) {
      expect(writes, path).toBe(method !== 'GET')
      const code = async (token: string | undefined) => (await api.call(method, path, { token })).json.code
      expect([path, await code(undefined)]).toEqual([path, 'UNAUTHORIZED'])
      expect([path, await code('a-token-that-is-wrong')]).toEqual([path, 'UNAUTHORIZED'])
      if (writes) expect([path, await code(READ_TOKEN)]).toEqual([path, 'READ_ONLY'])
    }
    const { headers } = await api.get('/api/routes', { token: undefined })
    expect(headers.get('www-authenticate')).toBe('Bearer')
  })

  test('without any token is for reading on this machine only', async () => {
    const api = await ApiLab.open({ admin: { token: undefined, readToken: undefined } })
    for (const { method, path, writes } of await operations(api)) {
      if (path.endsWith('/events')) continue
      const { json } = await api.call(method, path, { token: undefined })
      if (writes) expect([path, json.code]).toEqual([path, 'WRITES_OFF'])
      else expect(['NOT_FOUND', 'NOT_HERE', undefined]).toContain(json.code)
    }
    expect((await api.post('/api/plan', undefined, { token: TOKEN })).json.hint).toContain('admin.token')
  })

  test('with a read token only reads, and nothing writes', async () => {
    const api = await ApiLab.open({ admin: { token: undefined } })
    expect((await api.get('/api/routes', { token: READ_TOKEN })).status).toBe(200)
    expect((await api.get('/api/routes', { token: undefined })).status).toBe(401)
    expect((await api.post('/api/plan', undefined, { token: READ_TOKEN })).json.code).toBe('WRITES_OFF')
  })

  test('to probes, metrics, the page and the description is open', async () => {
    const api = await ApiLab.open()
    await expect.poll(async () => (await fetch(`${api.url}/readyz`)).status).toBe(200)
    for (const path of ['/livez', '/metrics', '/', '/api/openapi.json', '/api/access'])
      expect([path, (await fetch(`${api.url}${path}`)).status]).toEqual([path, 200])
  })
})

describe('a request that names another machine', () => {
  const hosts: [string, boolean][] = [
    ['127.0.0.1:8085', true],
    ['127.0.0.2', true],
    ['localhost:9', true],
    ['[::1]:8085', true],
    ['LOCALHOST', true],
    ['evil.example', false],
    ['evil.example:8085', false],
    ['127.0.0.1.evil.example', false],
    ['localhost.evil.example', false],
    ['192.168.0.1', false],
    ['', false],
  ]
  test.each(hosts)('on loopback, Host: %s, is let in: %s', (host, fine) => {
    const check = () => new AccessControl(open).origin(caller({ host }))
    if (fine) expect(check).not.toThrow()
    else expect(check).toThrow('the Host header names another machine')
  })

  test('is fine where others may come anyway, by their token', () => {
    const access = new AccessControl({ ...open, host: '0.0.0.0', token: TOKEN })
    expect(() => access.origin(caller({ host: 'gateway.example' }))).not.toThrow()
  })

  test('is refused over HTTP for the page and the API, not for probes', async () => {
    const api = await ApiLab.open()
    const status = (path: string) =>
      new Promise<number>((resolve, reject) => {
        const headers = { host: 'evil.example', authorization: `Bearer ${TOKEN}` }
        request(`${api.url}${path}`, { headers }, response => {
          response.resume()
          resolve(response.statusCode!)
        })
          .on('error', reject)
          .end()
      })
    expect([await status('/'), await status('/api/routes'), await status('/livez')]).toEqual([403, 403, 200])
  })

  test('or comes from another site is refused', async () => {
    const api = await ApiLab.open()
    const { status, json } = await api.get('/api/routes', { headers: { 'sec-fetch-site': 'cross-site' } })
    expect([status, json.code]).toEqual([403, 'CROSS_SITE'])
    expect((await api.get('/api/routes', { headers: { 'sec-fetch-site': 'same-origin' } })).status).toBe(200)
  })
})

describe('every answer', () => {
  test('forbids what a page does not need, and lets no other site read it', async () => {
    const api = await ApiLab.open()
    for (const path of ['/', '/livez', '/api/routes', '/nothing']) {
      const { headers } = await fetch(`${api.url}${path}`, { headers: { origin: 'http://evil.example' } })
      expect(headers.get('content-security-policy')).toMatch(/^default-src 'none'; script-src 'self'/)
      expect(headers.get('content-security-policy')).not.toContain('unsafe')
      expect(headers.get('x-content-type-options')).toBe('nosniff')
      expect(headers.get('cache-control')).toBe('no-store')
      expect(headers.get('access-control-allow-origin')).toBeNull()
    }
  })

  test('that refuses is a problem with a code and what to do', async () => {
    const api = await ApiLab.open()
    const { status, json, headers } = await api.get('/api/nothing')
    expect([status, headers.get('content-type')]).toEqual([404, 'application/problem+json; charset=utf-8'])
    expect(json).toMatchObject({
      type: 'about:blank',
      status: 404,
      code: 'NOT_FOUND',
      detail: 'there is nothing at /api/nothing',
    })
    const wrong = await api.call('DELETE', '/api/routes')
    expect([wrong.status, wrong.json.code, wrong.headers.get('allow')]).toEqual([405, 'METHOD_NOT_ALLOWED', 'GET'])
  })
})

describe('the description of the API', () => {
  test('is OpenAPI 3.1: every operation has its own name, a summary, and its parameters', async () => {
    const api = await ApiLab.open()
    const description = await api.description()
    const { openapi, paths } = description
    expect(openapi).toBe('3.1.0')
    expect(await new Validator().validate({ ...description })).toEqual({ valid: true })
    const all = Object.entries(paths).flatMap(([path, methods]) =>
      Object.values(methods).map(operation => ({ path, ...operation })),
    )
    expect(all).toHaveLength(20)
    expect(new Set(all.map(({ operationId }) => operationId)).size).toBe(20)
    for (const { path, summary, parameters } of all) {
      expect(summary, path).toMatch(/^\S.*\.$/)
      const declared = parameters.filter(one => one.in === 'path').map(({ name }) => `{${name}}`)
      expect(declared, path).toEqual(path.match(/\{\w+\}/g) ?? [])
    }
  })
})

describe('limits', () => {
  test('nobody opens a stream that nobody reads', async () => {
    const api = await ApiLab.open()
    const headers = { authorization: `Bearer ${TOKEN}` }
    for (let n = 0; n < 25; n++)
      expect((await fetch(`${api.url}/api/events`, { method: 'HEAD', headers })).status).toBe(405)
    await api.events('/api/events').next()
  })

  test.each<[string, string, unknown, number, RegExp]>([
    ['PUT', '/api/log-level', '{', 400, /not JSON/],
    ['PUT', '/api/log-level', {}, 400, /the body must have required property 'level'/],
    ['PUT', '/api/log-level', { level: 'info', x: 1 }, 400, /must NOT have additional properties \(x\)/],
    ['PUT', '/api/log-level', { level: 'x'.repeat(20_000) }, 413, /larger than 16 KiB/],
    ['GET', '/api/routes/orders/dead-letters?limit=0', undefined, 400, /the query.limit must be >= 1/],
    ['GET', '/api/routes/orders/dead-letters?limit=1e9', undefined, 400, /the query.limit must be <= 1000/],
    ['GET', '/api/routes/orders/dead-letters?olderThan=yesterday', undefined, 400, /must match pattern/],
    ['GET', '/api/routes/orders/dead-letters?x=1', undefined, 400, /additional properties \(x\)/],
    ['GET', '/api/routes/orders/tap?rate=1000', undefined, 400, /the query.rate must be <= 50/],
    ['POST', '/api/routes/orders/dead-letters/discard', { ids: [] }, 400, /must NOT have fewer than 1 items/],
  ])('%s %s with %j is %i', async (method, path, body, status, detail) => {
    const api = await ApiLab.open({ logLevel: { level: 'info' } })
    const answer = await api.call(method, path, { body })
    expect(answer.status).toBe(status)
    expect(answer.json.detail).toMatch(detail)
  })

  test('a body without a length is not read to its end', async () => {
    const api = await ApiLab.open({ logLevel: { level: 'info' } })
    let sent = 0
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        sent++
        controller.enqueue(new Uint8Array(1_024).fill(32))
        if (sent > 100_000) controller.close()
      },
    })
    const authorization = `Bearer ${TOKEN}`
    const asked = fetch(`${api.url}/api/log-level`, { method: 'PUT', body, duplex: 'half', headers: { authorization } })
    // The server may close before it has taken everything, which a client sees as a broken connection.
    const status = await asked.then(
      response => response.status,
      () => 413,
    )
    expect(status).toBe(413)
    expect(sent).toBeLessThan(50_000)
  })

  test('only so many streams at once', async () => {
    const api = await ApiLab.open()
    const abort = new AbortController()
    onTestFinished(() => abort.abort())
    const headers = { authorization: `Bearer ${TOKEN}` }
    const stream = () => fetch(`${api.url}/api/events`, { headers, signal: abort.signal })
    const statuses = (await Promise.all(Array.from({ length: 21 }, stream))).map(response => response.status)
    expect(statuses.toSorted()).toEqual([...Array.from({ length: 20 }, () => 200), 429])
    abort.abort()
    await expect
      .poll(async () => {
        const again = new AbortController()
        const { status } = await fetch(`${api.url}/api/events`, { headers, signal: again.signal })
        again.abort()
        return status
      })
      .toBe(200)
  })

  test('a request that is too slow is given up, and what it asked for is told', async () => {
    const api = await ApiLab.open({ drain: '50ms', routes: [route({ deadLetter: undefined })] })
    api.lab.there.setFaults('out', { confirmMs: 3_600_000 })
    api.lab.send()
    await expect.poll(() => api.gateway.status[0]!.inFlight).toBe(1)
    expect((await api.post('/api/routes/orders/drain')).status).toBe(504)
  })
})
