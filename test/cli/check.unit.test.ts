import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { command, folder } from './sluice.ts'

const SECRET = 'hunter22-very-secret'
const GOOD = `version: 1
connections:
  a: { url: "memory://lab" }
routes:
  copy: { from: { connection: a, address: in }, to: { connection: a, address: out } }
`
const STACK = /\n\s+at |node:internal|\.ts:\d+:\d+\)/

describe('check', () => {
  test('of a good file says so and exits 0', async () => {
    const { code, stdout, stderr } = await command(['check'], folder({ 'routes.yaml': GOOD }))
    expect([code, stdout, stderr]).toEqual([0, 'routes.yaml is fine: 1 route, 1 connection.\n', ''])
  })

  test('of a bad file shows place, line, caret and hint, and exits 2', async () => {
    const dir = folder({ 'routes.yaml': GOOD.replace('address: out', 'adress: out') })
    const { code, stdout } = await command(['check'], dir)
    expect(code).toBe(2)
    expect(stdout).toBe(`routes.yaml:5:70 error: there is no option "adress"
  5 |   copy: { from: { connection: a, address: in }, to: { connection: a, adress: out } }
    |                                                                      ^^^^^^
  hint: Did you mean "address"?

routes.yaml cannot be used: 1 error.
`)
  })

  test('with --json prints one document', async () => {
    const dir = folder({ 'routes.yaml': GOOD.replace('address: out', 'adress: out') })
    const { code, stdout } = await command(['check', '--json'], dir)
    expect(code).toBe(2)
    expect(JSON.parse(stdout)).toMatchObject({
      file: 'routes.yaml',
      ok: false,
      problems: [
        { severity: 'error', line: 5, col: 70, path: 'routes.copy.to.adress', hint: 'Did you mean "address"?' },
      ],
    })
  })

  test.each([
    ['is a folder without any', { 'routes.yaml/x': '' }, /has no \.yaml file/],
    ['is binary', { 'routes.yaml': '\0\x01\x02' }, /error/],
  ])('of a file that %s exits 2 without a stack', async (_, files, message) => {
    const { code, output } = await command(['check'], folder(files))
    expect(code).toBe(2)
    expect(output).not.toMatch(STACK)
    expect(output).toMatch(message)
  })

  test('of a file that is not there exits 2 and names the option', async () => {
    const dir = folder()
    const { code, stderr } = await command(['check', '-c', join(dir, 'routes.yaml')], dir)
    expect(code).toBe(2)
    expect(stderr).toBe(
      'error: the configuration routes.yaml cannot be read: there is no such file\n  hint: Give its path with `-c FILE`.\n',
    )
  })

  test('uses colours on a terminal only, so not here', async () => {
    const { stdout } = await command(['check'], folder({ 'routes.yaml': 'version: 3\n' }))
    expect(stdout).not.toContain('\x1b[')
  })

  test('shows no secret, wherever it comes from', async () => {
    const text = `version: 1
connections:
  a: { url: "amqp://me:${SECRET}@localhost", pasword: ${SECRET} }
  b: { url: "amqp://me:\${env.PW}@localhost", heartbeat: "\${env.PW}" }
  c: { url: "kafka://localhost", sasl: { username: me, password: "\${file('pw')}", mechanism: "\${file('pw')}" } }
routes: { r: { from: { connection: a }, to: { connection: "amqp://me:${SECRET}@localhost" } } }
`
    for (const args of [['check'], ['check', '--json'], ['run', '--log-level', 'debug']]) {
      const { code, output } = await command(args, folder({ 'routes.yaml': text, pw: `${SECRET}\n` }), { PW: SECRET })
      expect(code).toBe(2)
      expect(output).not.toContain(SECRET)
      expect(output).not.toMatch(STACK)
    }
  })
})

describe('check --connect', () => {
  test('opens every connection and exits 0 when all let us in', async () => {
    const { code, stdout } = await command(['check', '--connect'], folder({ 'routes.yaml': GOOD }))
    expect(code).toBe(0)
    expect(stdout).toMatch(/ok {6}a \(memory, \d+ ms\)/)
  })

  test('exits 3 when one does not, saying which, why and what to do', async () => {
    const text = GOOD.replace('routes:', `  k: { url: "kafka://me:${SECRET}@127.0.0.1:9" }\nroutes:`)
    const { code, stdout, output } = await command(['check', '--connect'], folder({ 'routes.yaml': text }))
    expect(code).toBe(3)
    expect(stdout).toMatch(/failed {2}k \(kafka\): CONNECT_FAILED: .*127\.0\.0\.1:9[\s\S]*hint: /)
    expect(output).not.toContain(SECRET)
    expect(output).not.toMatch(STACK)
  })
})
