import { describe, expect, test } from 'vitest'
import { command, folder } from './sluice.ts'

const routes = (text: string, connections = '') => `version: 1
connections:
  a: { url: "memory://doctor" }${connections}
routes:
${text}`

const GOOD =
  '  r: { from: { connection: a, address: in }, to: { connection: a, address: out }, deadLetter: { connection: a, address: dead } }\n'

const doctor = (text: string, args: readonly string[] = [], connections?: string) =>
  command(['doctor', ...args], folder({ 'routes.yaml': routes(text, connections) }))

describe('doctor', () => {
  test('of what is in order shows a line per thing and exits 0', async () => {
    const { code, stdout, stderr } = await doctor(GOOD)
    expect(stdout.replace(/\(\d+ ms\)/, '()')).toBe(`connection a (memory)
  ok      login: the broker answers and lets us in ()
r: from a (memory)
  ok      address in: it is not there yet; Sluice makes it
r: to a (memory)
  ok      address out: it is not there yet; Sluice makes it
r: dead letter a (memory)
  ok      address dead: it is not there yet; Sluice makes it

4 ok, 0 to look at, 0 failed, 0 unseen
`)
    expect([code, stderr]).toEqual([0, ''])
  })

  test('of what is missing says what to do and exits 3', async () => {
    const { code, stdout } = await doctor(GOOD.replace('address: out', 'address: out, create: false'))
    expect(stdout).toMatch(/ {2}fail {4}address out: ADDRESS_MISSING: .*\n {10}hint: /)
    expect(stdout).toMatch(/1 failed/)
    expect(code).toBe(3)
  })

  test('of a broker that is away looks at the rest, and says what it did not look at', async () => {
    const more = '\n  k: { url: "kafka://127.0.0.1:1", connectTimeout: 2s }'
    const { code, stdout } = await doctor(
      GOOD.replace('{ connection: a, address: out }', '{ connection: k, topic: out }'),
      [],
      more,
    )
    expect(stdout).toMatch(/connection k \(kafka\)\n {2}fail {4}login: CONNECT_FAILED/)
    expect(stdout).toMatch(/r: to k \(kafka\)\n {2}unseen {2}target: not looked at: the connection failed/)
    expect(stdout).toMatch(/ok {6}address in/)
    expect(code).toBe(3)
  })

  test.each([
    ['without a deadLetter', GOOD.replace(/, deadLetter.*/, ' }'), /warn {4}dead letters: .*blocks its key/],
    ['that discards', GOOD.replace(/, deadLetter.*/, ', deadLetter: discard }'), /warn {4}dead letters: .*dropped/],
  ])('warns of a route %s, and exits 0', async (_, text, message) => {
    const { code, stdout } = await doctor(text)
    expect(stdout).toMatch(message)
    expect(code).toBe(0)
  })

  test('warns of a source whose messages the target does not take, and of dead letters that cannot be read', async () => {
    const plugin = `const examine = async part => ({ findings: [], maxBytes: part === 'source' ? 2048 : 1024 })
const connect = () => ({ check: async () => {}, examine, async [Symbol.asyncDispose]() {} })
const features = { redelivery: 'each', orderedBatch: false, groups: false, headers: true, keys: true, tombstones: true, countsAttempts: true, durable: true, maxBytes: 1024 }
const schema = { connection: { type: 'object' }, source: { type: 'object' }, sink: { type: 'object' } }
export default { name: 'p', drivers: [{ name: 'odd', schemes: ['odd'], features, schema, connect }] }`
    const config = `version: 1
connections: { o: { url: "odd://x" } }
routes: { r: { from: { connection: o }, to: { connection: o }, deadLetter: { connection: o } } }
`
    const { code, stdout } = await command(['doctor'], folder({ 'routes.yaml': config, 'plugins/p.mjs': plugin }))
    expect(stdout).toMatch(
      /warn {4}size: the source may hold messages of 2048 bytes, and the target takes 1024: .*TOO_LARGE/,
    )
    expect(stdout).toMatch(/warn {4}dead letters: `sluice dlq` cannot read/)
    expect(code).toBe(0)
  })

  test('of a driver that cannot look says so', async () => {
    const plugin = `const connect = () => ({ check: async () => {}, async [Symbol.asyncDispose]() {} })
const features = { redelivery: 'each', orderedBatch: false, groups: false, headers: true, keys: true, tombstones: true, countsAttempts: true, durable: true, maxBytes: 1024 }
const schema = { connection: { type: 'object' }, source: { type: 'object' }, sink: { type: 'object' } }
export default { name: 'p', drivers: [{ name: 'odd', schemes: ['odd'], features, schema, connect }] }`
    const config = `version: 1
connections: { o: { url: "odd://x" } }
routes: { r: { from: { connection: o }, to: { connection: o }, deadLetter: discard } }
`
    const { stdout } = await command(['doctor'], folder({ 'routes.yaml': config, 'plugins/p.mjs': plugin }))
    expect(stdout).toMatch(/unseen {2}source: its driver cannot look without reading or writing/)
  })

  test('with --route looks at it alone', async () => {
    const more = '\n  k: { url: "kafka://127.0.0.1:1", connectTimeout: 2s }'
    const other =
      '  s: { from: { connection: k, topic: t, group: g }, to: { connection: a, address: x }, deadLetter: discard }\n'
    const { code, stdout } = await doctor(GOOD + other, ['--route', 'r'], more)
    expect(stdout).not.toContain('kafka')
    expect(code).toBe(0)
    const none = await doctor(GOOD, ['--route', 'rr'])
    expect([none.code, none.stderr]).toEqual([2, expect.stringContaining('there is no route "rr"')])
  })

  test('with --json prints one document', async () => {
    const { stdout } = await doctor(GOOD, ['--json'])
    expect(JSON.parse(stdout)).toMatchObject({
      ok: true,
      counts: { ok: 4, warn: 0, fail: 0, unseen: 0 },
      sections: [{ part: 'connection', connection: 'a', findings: [{ level: 'ok', subject: 'login' }] }, {}, {}, {}],
    })
  })

  test('of a configuration that cannot be used exits 2', async () => {
    expect((await doctor('  r: {}\n')).code).toBe(2)
  })
})
