import { EventEmitter } from 'node:events'
import { stripVTControlCharacters } from 'node:util'
import { describe, expect, test } from 'vitest'
import { runCommandLine } from '../../src/cli/main.ts'
import { createPaint } from '../../src/cli/paint.ts'
import { Terminal } from '../../src/cli/terminal.ts'
import { statusLines } from '../../src/cli/top-text.ts'
import { ApiLab, READ_TOKEN } from '../admin/api-lab.ts'
import { route, until } from '../engine/lab.ts'
import { command, folder } from './sluice.ts'

const env = (api: ApiLab, token = READ_TOKEN) => ({ SLUICE_ADMIN_URL: api.url, SLUICE_ADMIN_TOKEN: token })

/** Keys that are pressed. */
class Keyboard extends EventEmitter {
  readonly isTTY = true
  raw = false
  setRawMode(raw: boolean): void {
    this.raw = raw
  }
  resume(): void {}
  pause(): void {}
}

/** A terminal of 80 columns and 24 rows that keeps what is written to it. */
function tty(variables: Readonly<Record<string, string>>) {
  const keyboard = new Keyboard()
  let text = ''
  const out = { isTTY: true, columns: 80, rows: 24, write: (more: string) => (text += more) }
  const terminal = new Terminal(out, out, variables, keyboard)
  return { terminal, keyboard, text: () => text, plain: () => stripVTControlCharacters(text) }
}

describe('top', () => {
  test('writes plain lines where nobody watches', async () => {
    const api = await ApiLab.open({ routes: [route(), route({ name: 'idle', enabled: false })] })
    await until('it runs', () => api.gateway.status[0]!.state === 'running')
    const { code, stdout, stderr } = await command(['top', '--count', '1'], folder(), env(api))
    expect([code, stderr]).toEqual([0, ''])
    const lines = stdout.trimEnd().split('\n')
    expect(lines[0]).toMatch(/^http:\S+ {2}\d\d:\d\d:\d\d UTC {2}configuration [0-9a-f]{16} {2}1 running, 1 disabled$/)
    expect(lines[1]).toBe('ROUTE   STATE     IN/S  OUT/S  P99  LAG  IN FLIGHT  OLDEST  HELD  DEAD')
    expect(lines[2]).toMatch(/^orders {2}running {6}0 {6}0 {4}– +[–0] {10}0 {7}– {5}0 {5}0$/)
    expect(lines).toHaveLength(4)
  })

  test('fills a terminal until q is pressed, and gives it back', async () => {
    const api = await ApiLab.open()
    const { terminal, keyboard, text, plain } = tty(env(api))
    const running = runCommandLine(['top'], terminal)
    await until('it is drawn', () => /orders +running/.test(plain()) && plain().includes('q quits'))
    expect(keyboard.raw).toBe(true)
    api.lab.there.reach.goDown()
    api.lab.send()
    await until('it says why', () => plain().includes('orders: target: '))
    keyboard.emit('data', Buffer.from('q'))
    expect(await running).toBe(0)
    expect(keyboard.raw).toBe(false)
    expect(text().startsWith('\x1b[?1049h')).toBe(true)
    expect(text().endsWith('\x1b[?1049l')).toBe(true)
  })

  test('looks for a gateway that has gone, and shows it again', async () => {
    const api = await ApiLab.open()
    const { terminal, keyboard, plain } = tty(env(api))
    const running = runCommandLine(['top'], terminal)
    await until('it is drawn', () => plain().includes('1 running'))
    await api.close()
    await until('it says so', () => plain().includes('trying again'))
    const before = plain().length
    await api.reopen()
    await until('it is drawn again', () => plain().slice(before).includes('1 running'))
    keyboard.emit('data', '\x03')
    expect(await running).toBe(0)
  })

  test('says what is wrong, and what to do', async () => {
    const api = await ApiLab.open()
    const away = await command(['top', '--url', 'http://127.0.0.1:9'], folder())
    expect(away.code).toBe(3)
    expect(away.stderr).toMatch(/no gateway answers at http:\/\/127\.0\.0\.1:9[\s\S]*hint: Start it by `sluice run`/)
    const wrong = await command(['top'], folder(), env(api, 'a-token-that-is-wrong'))
    expect([wrong.code, wrong.stderr]).toEqual([
      3,
      'error: the gateway refuses: the token is not the right one\n  hint: Put admin.token or admin.readToken into SLUICE_ADMIN_TOKEN, or name a file by --token-file.\n',
    ])
    const missing = await command(['top', '--token-file', 'none', '--url', api.url], folder())
    expect([missing.code, missing.stderr]).toEqual([
      2,
      expect.stringContaining('the token file none cannot be read: there is no such file'),
    ])
  })

  test('keeps to the width of the terminal', () => {
    const end = { connection: 'a', driver: 'memory', address: 'queue x' }
    const routes = Array.from({ length: 3 }, (_, n) => ({
      name: `a-route-with-a-very-long-name-that-goes-on-and-on-${n}`,
      state: 'holding' as const,
      conditions: [{ part: 'target', code: 'X', message: 'y\u001b[2J'.repeat(80), hint: '', since: '' }],
      from: end,
      to: end,
      deadLetter: null,
      transforms: [],
      received: 1e9,
      settled: 1e9,
      deadLettered: 12_345,
      rates: { received: 123_456.7, settled: 123_456.7, deadLettered: 0 },
      latency: { p50Ms: 1, p99Ms: 65_000 },
      lag: 1e7,
      lagOf: 'group' as const,
      inFlight: 5_000,
      inFlightLimit: 5_000,
      heldLanes: 17,
      oldestMs: 61_000,
    }))
    const status = { at: new Date().toISOString(), version: 'v1', routes, reload: null }
    for (const width of [40, 80, 120]) {
      const lines = statusLines(status, 'http://127.0.0.1:8085', createPaint(false), width)
      expect(lines.filter(line => line.length > width)).toEqual([])
      expect(lines.join('')).not.toContain('\u001b')
    }
  })
})

describe('tap', () => {
  const transform = [
    { name: 'filter', options: '${!("drop" in body)}', timeout: '1s' },
    { name: 'set', options: { headers: { region: 'eu', half: '${has(body.n) ? body.n / 2 : 0}' } }, timeout: '1s' },
  ]

  async function tapped(args: readonly string[], ...bodies: object[]) {
    const api = await ApiLab.open({ routes: [route({ transform })] })
    await until('it runs', () => api.gateway.status[0]!.state === 'running')
    const ended = command(['tap', 'orders', '--count', String(bodies.length), ...args], folder(), env(api))
    await until('somebody listens', () => api.gateway.route('orders')!.tap.open)
    for (const [n, body] of bodies.entries()) api.lab.send({ id: `m${n}`, key: 'k', body })
    return ended
  }

  test('shows messages before and after, secrets hidden', async () => {
    const { code, stdout } = await tapped([], { n: 2, password: 'hunter2' }, { drop: '\u001b[31m' }, { n: 'x' })
    expect(code).toBe(0)
    expect(stdout).toMatch(/^\d{4}-\S+ m0\nbefore {2}subject=in key=k\n {8}\{"n":2,"password":"\*\*\*"\}\n/)
    expect(stdout).toMatch(/after {3}subject=in key=k sluice-hops=\S+ region=eu half=1\n/)
    expect(stdout).toMatch(/m1\nbefore [\s\S]*after {3}dropped by the transforms/)
    expect(stdout).toMatch(/m2\nbefore [\s\S]*failed {2}EXPRESSION_FAILED: .*: it is put aside\n/)
    expect(stdout).not.toContain('\u001b')
  })

  test('writes JSON for scripts', async () => {
    const { code, stdout } = await tapped(['--json', '--body', '5'], { n: 1 })
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ before: { id: 'm0', body: { text: '{"n":', cut: true } } })
  })

  test('of a route that does not exist is wrong usage', async () => {
    const api = await ApiLab.open()
    const { code, stderr } = await command(['tap', 'none'], folder(), env(api))
    expect([code, stderr]).toEqual([2, expect.stringContaining('the gateway refuses: there is no route "none"')])
  })

  test('refuses a rate that the gateway does not give', async () => {
    const api = await ApiLab.open()
    const { code, stderr } = await command(['tap', 'orders', '--rate', '51'], folder(), env(api))
    expect([code, stderr]).toEqual([2, expect.stringContaining('the query.rate must be <= 50')])
  })
})
