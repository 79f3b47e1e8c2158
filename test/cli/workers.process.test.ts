import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Validator } from '@seriousme/openapi-schema-validator'
import { describe, expect, test } from 'vitest'
import { identify } from '../brokers/processes.ts'
import { folder, ROUTES, Sluice } from './sluice.ts'

const TOKEN = 'a-token-for-the-workers'
const WITH_TOKEN = ROUTES.replace('port: 0', `port: 0, token: ${TOKEN}`)

interface Ready {
  readonly status: string
  readonly workers: readonly { readonly pid: number; readonly restarts: number; readonly ready: boolean }[]
}

class Parent {
  readonly sluice: Sluice
  readonly url: string

  private constructor(sluice: Sluice, url: string) {
    this.sluice = sluice
    this.url = url
  }

  static async start(...args: readonly string[]): Promise<Parent> {
    return Parent.of(folder({ 'routes.yaml': ROUTES }), ...args)
  }

  static async of(dir: string, ...args: readonly string[]): Promise<Parent> {
    const sluice = new Sluice(['run', '--log', 'json', ...args], dir)
    const [, url] = await sluice.saw(/"admin":"(http:[^"]+)","msg":"started"/)
    return new Parent(sluice, url!)
  }

  async ready(): Promise<Ready> {
    return (await (await fetch(`${this.url}/readyz`)).json()) as Ready
  }

  /** Resolves once all take messages, with what they say. */
  async allReady(): Promise<Ready> {
    await expect.poll(async () => (await fetch(`${this.url}/readyz`)).status).toBe(200)
    return this.ready()
  }

  /** What the API answers, with its status. */
  async api(method: string, path: string, body?: object): Promise<readonly [number, Record<string, unknown>]> {
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${TOKEN}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    return [response.status, (await response.json()) as Record<string, unknown>]
  }

  /** The beginning of a stream, which is then given up. */
  async firstEvent(path: string): Promise<string> {
    const { body } = await fetch(this.url + path, { headers: { authorization: `Bearer ${TOKEN}` } })
    let text = ''
    for await (const part of body!.pipeThrough(new TextDecoderStream())) {
      text += part
      if (/^data: .*\n\n/m.test(text)) break
    }
    return text
  }

  get lines(): readonly Record<string, unknown>[] {
    return this.sluice.errors
      .trim()
      .split('\n')
      .map(line => JSON.parse(line) as Record<string, unknown>)
  }
}

describe('run --workers', () => {
  test('runs several processes behind one port, starts a killed one again, and drains them all on SIGTERM', async () => {
    const parent = await Parent.start('--workers', '2')
    const { workers } = await parent.allReady()
    expect(workers).toMatchObject([
      { worker: 1, restarts: 0, ready: true, status: 'ready', routes: [{ name: 'copy', state: 'running' }] },
      { worker: 2, restarts: 0, ready: true },
    ])
    const live = await fetch(`${parent.url}/livez`)
    expect([live.status, await live.json()]).toMatchObject([
      200,
      { status: 'live', workers: [{ live: true }, { live: true }] },
    ])
    const metrics = await (await fetch(`${parent.url}/metrics`)).text()
    expect(metrics).toMatch(/^sluice_worker_up\{worker="2"\} 1$/m)
    expect(metrics).toMatch(/^sluice_received_total\{worker="1",route="copy"\} 0$/m)
    expect(metrics.match(/^# TYPE sluice_received_total /gm)).toHaveLength(1)

    process.kill(workers[1]!.pid, 'SIGKILL')
    await parent.sluice.saw(/worker 2 ended by itself; it starts again in 1000 ms/)
    expect((await fetch(`${parent.url}/readyz`)).status).toBe(503)
    expect((await fetch(`${parent.url}/livez`)).status).toBe(200)
    const again = (await parent.allReady()).workers
    expect(again).toMatchObject([{ pid: workers[0]!.pid, restarts: 0 }, { restarts: 1 }])

    parent.sluice.process.kill('SIGTERM')
    const { code, stdout } = await parent.sluice.result
    expect([code, stdout]).toEqual([0, ''])
    expect(parent.lines.filter(({ msg }) => msg === 'stopped').map(({ worker }) => worker)).toEqual(
      expect.arrayContaining([1, 2, undefined]),
    )
    for (const { pid } of again) expect(identify(pid)).toBeUndefined()
  })

  test('shows all as one, and does to all what it is told', async () => {
    const dir = folder({ 'routes.yaml': WITH_TOKEN.replace('version: 1', 'version: 1\nreload: { watch: false }') })
    const parent = await Parent.of(dir, '--workers', '2')
    const { workers } = await parent.allReady()
    const copy = (state: string, states: readonly (string | null)[]) => ({
      ...{ name: 'copy', state, inFlightLimit: 4_000 },
      workers: states.map((each, i) => ({ worker: i + 1, state: each })),
    })
    const list = () => parent.api('GET', '/api/routes')
    expect(await list()).toMatchObject([200, { routes: [copy('running', ['running', 'running'])] }])
    expect(await parent.api('POST', '/api/routes/copy/pause')).toMatchObject([
      200,
      { ...copy('paused', ['paused', 'paused']), counts: {}, errors: [] },
    ])
    expect(await parent.api('POST', '/api/routes/copy/drain')).toMatchObject([200, { state: 'paused' }])
    expect(await parent.api('POST', '/api/routes/copy/resume')).toMatchObject([
      200,
      copy('running', ['running', 'running']),
    ])
    expect(await parent.api('POST', '/api/routes/copy/restart')).toMatchObject([200, { name: 'copy' }])
    expect(await parent.api('POST', '/api/routes/none/pause')).toMatchObject([404, { code: 'NOT_FOUND' }])
    // The workers look once a second.
    await expect
      .poll(() => parent.api('GET', '/api/history'))
      .toMatchObject([200, { routes: { copy: { received: expect.anything() } } }])
    expect(await parent.api('PUT', '/api/log-level', { level: 'warn' })).toEqual([200, { level: 'warn' }])
    expect(await parent.api('PUT', '/api/log-level', { level: 'loud' })).toMatchObject([
      400,
      { code: 'INVALID_REQUEST' },
    ])

    // One worker's to answer.
    expect(await parent.api('GET', '/api/connections')).toMatchObject([200, { connections: [{ name: 'a' }] }])
    expect(await parent.api('GET', '/api/routes/copy/dead-letters')).toMatchObject([501, { code: 'NOT_HERE' }])
    expect(await parent.firstEvent('/api/routes/copy/tap?rate=1')).toMatch(/^event: alive$/m)
    expect(await parent.firstEvent('/api/events')).toMatch(/^data: .*"name":"copy","state":"running"/m)
    const description = (await (await fetch(`${parent.url}/api/openapi.json`)).json()) as Record<string, unknown>
    expect(JSON.stringify(description)).toContain('"operationId":"pauseRoute"')
    expect(await new Validator().validate(description)).toEqual({ valid: true })
    expect(await (await fetch(parent.url)).text()).toContain('<!doctype html>')

    // A new configuration reaches both.
    writeFileSync(
      join(dir, 'routes.yaml'),
      `${WITH_TOKEN.replace('version: 1', 'version: 1\nreload: { watch: false }')}  more: { from: { connection: a, address: in2 }, to: { connection: a, address: out2 } }\n`,
    )
    const [, planned] = await parent.api('POST', '/api/plan')
    const { hash } = planned['plan'] as { hash: string }
    const apply = (match: string) =>
      fetch(`${parent.url}/api/apply`, {
        method: 'POST',
        headers: { authorization: `Bearer ${TOKEN}`, 'if-match': `"${match}"` },
      })
    expect((await apply('another')).status).toBe(412)
    expect((await apply(hash)).status).toBe(200)
    expect(await parent.api('GET', '/api/routes/more')).toMatchObject([
      200,
      { workers: [{ worker: 1 }, { worker: 2 }] },
    ])
    expect(await parent.api('GET', '/api/reload')).toMatchObject([200, { ok: true, trigger: 'api' }])

    // One that is away hides nothing, and is not passed over in silence. It cannot start again with such a file.
    writeFileSync(join(dir, 'routes.yaml'), 'version: none')
    process.kill(workers[0]!.pid, 'SIGKILL')
    const states = async () => {
      const [, { workers: each }] = (await parent.api('GET', '/api/routes/copy')) as [number, { workers: object[] }]
      return each
    }
    await expect.poll(states).toMatchObject([{ state: null }, { state: 'running' }])
    expect(await parent.api('POST', '/api/routes/copy/pause')).toMatchObject([
      503,
      {
        code: 'NOT_RUNNING',
        done: [2],
        detail: expect.stringMatching(/^worker 1 does not (run|answer); done in worker 2$/),
      },
    ])
    parent.sluice.process.kill('SIGTERM')
    expect((await parent.sluice.result).code).toBe(0)
  })

  test('lets nobody do or see without the token, and top watch with it', async () => {
    const parent = await Parent.of(folder({ 'routes.yaml': WITH_TOKEN }), '--workers', '2')
    await parent.allReady()
    const bare = async (method: string, path: string) => (await fetch(`${parent.url}${path}`, { method })).status
    expect(await bare('GET', '/api/routes')).toBe(401)
    expect(await bare('GET', '/api/config')).toBe(401)
    expect(await bare('POST', '/api/routes/copy/pause')).toBe(401)
    expect(await bare('POST', '/api/plan')).toBe(401)
    const env = { SLUICE_ADMIN_TOKEN: TOKEN }
    const top = new Sluice(['top', '--url', parent.url, '--count', '1'], folder({}), env)
    const { code, stdout } = await top.result
    expect([code, stdout]).toEqual([0, expect.stringMatching(/copy .*running|running .*copy/s)])
    parent.sluice.process.kill('SIGTERM')
    await parent.sluice.result
  })
})
