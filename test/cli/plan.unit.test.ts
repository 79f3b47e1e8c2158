import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Reloading } from '../../src/admin/reloading.ts'
import { routes, serving, write } from '../app/served.ts'
import { command, folder } from './sluice.ts'

const COPY = '  copy: { from: { connection: a, address: in }, to: { connection: a, address: out } }'
const MORE = '  more: { from: { connection: a, address: in2 }, to: { connection: a, address: out } }'
const text = (...lines: readonly string[]) => `${routes('plan', ...lines)}\nreload: { watch: false }\n`

/** Answers as the admin API does, for this reloading; notes what it was asked. */
async function api(reloading: Reloading | undefined): Promise<{ url: string; asked: IncomingMessage[] }> {
  const asked: IncomingMessage[] = []
  const server = createServer(async (request, response) => {
    asked.push(request)
    const send = (status: number, body: unknown) => response.writeHead(status).end(JSON.stringify(body))
    if (reloading === undefined)
      return send(401, {
        title: 'A token is needed',
        detail: 'the request has no token',
        code: 'UNAUTHORIZED',
        hint: 'Send one.',
      })
    if (request.url === '/api/plan') return send(200, await reloading.plan())
    const hash = /^"(.+)"$/.exec(request.headers['if-match'] ?? '')?.[1]
    const result = await reloading.apply('api', hash)
    if (result.ok) return send(200, result)
    return send(412, { title: 'not applied', detail: result.error, result })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked }
}

async function running(first: string) {
  const dir = folder({ 'gateway/routes.yaml': first })
  const { reloader } = await serving(join(dir, 'gateway', 'routes.yaml'))
  const { url, asked } = await api(reloader)
  const ask = (...args: string[]) => command([args[0]!, '--url', url, ...args.slice(1)], dir)
  return { dir, asked, ask, change: (next: string) => write(dir, { 'gateway/routes.yaml': next }) }
}

describe('plan and apply', () => {
  test('show what would change, apply it by its hash, and refuse a stale one', async () => {
    const { ask, change, asked } = await running(text(COPY))
    expect(await ask('plan')).toMatchObject({ code: 0, stdout: 'No route changes.\n' })
    change(`${text(COPY.replace('to:', 'inFlight: 7, slow: 3s, to:'), MORE)}memory: 64MiB\n`)
    const shown = await ask('plan')
    expect(shown.code).toBe(0)
    expect(shown.stdout).toMatch(
      new RegExp(
        [
          '^2 of the routes change:',
          '  restart  copy  routes\\.copy\\.inFlight, routes\\.copy\\.slow',
          '  start    more',
          'Takes effect only when the gateway is started anew: memory',
          'Apply it with: sluice apply --hash [0-9a-f]{16}\n$',
        ].join('\n'),
      ),
    )
    const hash = /--hash (\S+)/.exec(shown.stdout)![1]!
    const stale = await ask('apply', '--hash', '0123456789abcdef')
    expect(stale.code).toBe(1)
    expect(stale.stdout).toMatch(/Not applied: the plan is not 0123456789abcdef any more/)
    expect(asked.at(-1)?.headers['if-match']).toBe('"0123456789abcdef"')
    const applied = await ask('apply', '--hash', hash)
    expect(applied).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/\nApplied\. Version [0-9a-f]{16} runs\.\n$/),
    })
    expect((await ask('apply', '--hash', hash)).code).toBe(1)
    expect(JSON.parse((await ask('plan', '--json')).stdout)).toMatchObject({ ok: true, plan: { changes: [] } })
  })

  test('exit 2 on a configuration that cannot be used, with the place', async () => {
    const { ask, change } = await running(text(COPY))
    change(text(COPY.replace('address: in', 'adress: in')))
    const shown = await ask('plan')
    expect(shown.code).toBe(2)
    expect(shown.stdout).toMatch(
      /routes\.yaml:6:\d+ error: there is no option "adress"\n {2}hint: [\s\S]*There is no plan: 1 error\.\n$/,
    )
    expect(await ask('apply')).toMatchObject({ code: 2, stdout: expect.stringContaining('runs on.') })
    expect(JSON.parse((await ask('apply', '--json')).stdout)).toMatchObject({ ok: false, trigger: 'api' })
  })

  test('exit 3 where nobody answers, 1 where the gateway refuses', async () => {
    const dir = folder({ token: 'wrong-token-123\n' })
    const nobody = await command(['plan', '--url', 'http://127.0.0.1:9'], dir)
    expect(nobody).toMatchObject({
      code: 3,
      stderr: expect.stringMatching(/^error: no gateway answers at http:\/\/127\.0\.0\.1:9/),
    })
    const { url, asked } = await api(undefined)
    for (const name of ['plan', 'apply']) {
      const args = [name, '--url', url, '--token-file', join(dir, 'token')]
      expect(await command(args, dir)).toMatchObject({
        code: 1,
        stderr: `error: ${url} refused (401): the request has no token\n  hint: Send one.\n`,
      })
      expect(asked.at(-1)?.headers.authorization).toBe('Bearer wrong-token-123')
    }
    await command(['plan', '--url', url], dir, { SLUICE_ADMIN_TOKEN: 'from-the-environment' })
    expect(asked.at(-1)?.headers.authorization).toBe('Bearer from-the-environment')
    await command(['plan', '--url', url], dir)
    expect(asked.at(-1)?.headers.authorization).toBeUndefined()
    expect((await command(['plan', '--url', url, '--token-file', 'nowhere'], dir)).code).toBe(2)
    expect((await command(['plan', '--url', 'ftp://x'], dir)).code).toBe(2)
  })

  test('compare two files without a gateway, and show no value', async () => {
    const dir = folder({
      'old.yaml': text(COPY),
      'new.yaml': text(COPY.replace('to:', 'transform: [{ filter: "${body.card == \'4111\'}" }], to:')),
      'bad.yaml': text('  copy: {}'),
    })
    const args = (name: string) => ['plan', '--from', join(dir, 'old.yaml'), '-c', join(dir, name)]
    const shown = await command(args('new.yaml'), dir)
    expect(shown).toMatchObject({
      code: 0,
      stdout: '1 of the routes change:\n  swap     copy  routes.copy.transform[0]\n',
    })
    expect(await command(args('bad.yaml'), dir)).toMatchObject({ code: 2 })
    expect(await command(args('none.yaml'), dir)).toMatchObject({ code: 2 })
  })
})
