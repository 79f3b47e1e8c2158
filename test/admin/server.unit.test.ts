import { createServer } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import type { Probes } from '../../src/admin/probes.ts'
import { AdminServer } from '../../src/admin/server.ts'
import { quiet } from '../../src/core/quiet-log.ts'

function probes(changes: Partial<Probes> = {}): Probes {
  return {
    live: () => ({ ok: true, stuck: [] }),
    ready: () => ({ ok: true, routes: [{ name: 'orders', state: 'running' }] }),
    metrics: async () => '# HELP sluice_up Up\nsluice_up 1\n',
    ...changes,
  }
}

async function served(changes?: Partial<Probes>): Promise<string> {
  const server = await AdminServer.listen({ host: '127.0.0.1', port: 0 }, probes(changes), quiet)
  onTestFinished(() => server[Symbol.asyncDispose]())
  return server.url
}

test('a gateway that lives and is ready answers 200', async () => {
  const url = await served()
  const live = await fetch(`${url}/livez`)
  expect([live.status, await live.json()]).toEqual([200, { status: 'live', stuck: [] }])
  const ready = await fetch(`${url}/readyz?verbose`)
  expect([ready.status, await ready.json()]).toEqual([
    200,
    { status: 'ready', routes: [{ name: 'orders', state: 'running' }] },
  ])
})

test('a route that is stuck or holds makes 503, with its name', async () => {
  const url = await served({
    live: () => ({ ok: false, stuck: ['orders'] }),
    ready: () => ({ ok: false, routes: [{ name: 'orders', state: 'holding' }] }),
  })
  expect((await fetch(`${url}/livez`)).status).toBe(503)
  const ready = await fetch(`${url}/readyz`)
  expect([ready.status, await ready.text()]).toEqual([
    503,
    '{"status":"not ready","routes":[{"name":"orders","state":"holding"}]}\n',
  ])
})

test('metrics come as Prometheus reads them', async () => {
  const response = await fetch(`${await served()}/metrics`)
  expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/)
  expect(await response.text()).toContain('sluice_up 1')
})

test('a probe that throws makes 500 in one line, without a stack', async () => {
  const url = await served({ metrics: () => Promise.reject(new Error('the registry is broken')) })
  const response = await fetch(`${url}/metrics`)
  expect([response.status, await response.text()]).toEqual([500, 'the registry is broken\n'])
})

test('nothing else is there, and nothing can be changed', async () => {
  const url = await served()
  expect((await fetch(`${url}/etc/passwd`)).status).toBe(404)
  expect((await fetch(`${url}/livez`, { method: 'POST' })).status).toBe(405)
  const head = await fetch(`${url}/livez`, { method: 'HEAD' })
  expect([head.status, await head.text()]).toEqual([200, ''])
})

test('a taken port is PORT_IN_USE', async () => {
  const other = createServer()
  await new Promise<void>(resolve => other.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void other.close())
  const { port } = other.address() as { port: number }
  await expect(AdminServer.listen({ host: '127.0.0.1', port }, probes(), quiet)).rejects.toMatchObject({
    code: 'PORT_IN_USE',
    message: `the admin port 127.0.0.1:${port} is taken`,
  })
})

test('an address this machine does not have says so', async () => {
  await expect(AdminServer.listen({ host: '192.0.2.1', port: 8085 }, probes(), quiet)).rejects.toMatchObject({
    message: expect.stringContaining('no such address'),
  })
})

test('closing does not wait for a client that keeps its connection open', async () => {
  const server = await AdminServer.listen({ host: '127.0.0.1', port: 0 }, probes(), quiet)
  const idle = await fetch(`${server.url}/livez`)
  await idle.text()
  const began = performance.now()
  await server[Symbol.asyncDispose]()
  expect(performance.now() - began).toBeLessThan(4_500)
})
