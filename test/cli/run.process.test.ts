import { describe, expect, test } from 'vitest'
import { folder, ROUTES, Sluice, sluice } from './sluice.ts'

const SECRET = 'hunter22-very-secret'
// Nobody listens on port 9.
const AWAY = ROUTES.replace('routes:', `  k: { url: "kafka://me:${SECRET}@127.0.0.1:9" }\nroutes:`).concat(
  '  away: { from: { connection: a, address: in2 }, to: { connection: k, topic: x } }\n',
)

const started = /"admin":"(http:[^"]+)"/

// A broker that delivers one message and never confirms one.
const STUCK = `import { Closed, Headers, Message } from 'sluice'
import { Type } from 'typebox'
const features = { redelivery: 'each', orderedBatch: true, groups: false, headers: true, keys: true, tombstones: true,
  countsAttempts: false, durable: true, maxBytes: 1e6 }
const end = Closed({ address: Type.String() })
const message = new Message({ key: null, subject: 's', headers: Headers.EMPTY, bytes: Buffer.from('{}'), timestamp: 0, properties: {},
  source: { connection: 'a', address: 'in', sequence: 'in', position: '1', attempt: 1 } })
const dispose = { [Symbol.asyncDispose]: async () => {} }
const connect = (options, { log }) => ({ ...dispose, check: async () => {},
  source: async () => ({ ...dispose, async *receive(signal) {
    yield [{ message, expired: false, ack() {}, release() {} }]
    await new Promise(resolve => signal.addEventListener('abort', resolve))
  } }),
  sink: async () => ({ ...dispose, publish: () => { log.info({}, 'publishing for ever'); return new Promise(() => {}) } }) })
export default { name: 'stuck', drivers: [{ name: 'stuck', schemes: ['stuck'], features, connect,
  schema: { connection: Closed({ url: Type.String() }), source: end, sink: end } }] }
`

describe('run', () => {
  test('serves health and metrics, stops on SIGTERM and exits 0', async () => {
    const gateway = new Sluice(['run', '--log', 'json'], folder({ 'routes.yaml': ROUTES }))
    const [, url] = await gateway.saw(started)
    expect((await fetch(`${url}/livez`)).status).toBe(200)
    await expect.poll(async () => (await fetch(`${url}/readyz`)).status).toBe(200)
    expect(await (await fetch(`${url}/metrics`)).text()).toContain('sluice_received_total')
    gateway.process.kill('SIGTERM')
    const { code, stdout, stderr } = await gateway.result
    expect([code, stdout]).toEqual([0, ''])
    const lines = stderr
      .trim()
      .split('\n')
      .map(line => JSON.parse(line) as { msg: string })
    expect(lines.map(line => line.msg)).toEqual(['started', 'stopping on SIGTERM', 'stopped'])
  })

  test('serves the API to who has the token, changes its log level, and tells no secret', async () => {
    const file = ROUTES.replace('port: 0', 'port: 0, token: "${env.TOKEN}"')
    const gateway = new Sluice(['run', '--log', 'json'], folder({ 'routes.yaml': file }), { TOKEN: SECRET })
    const [, url] = await gateway.saw(started)
    const headers = { authorization: `Bearer ${SECRET}` }
    const call = (path: string, options: RequestInit = {}) => fetch(`${url}${path}`, { headers, ...options })
    expect((await fetch(`${url}/api/routes`)).status).toBe(401)
    const config = await (await call('/api/config')).text()
    expect(JSON.parse(config)).toMatchObject({ config: { admin: { token: '***' }, routes: { copy: {} } } })
    expect(config).not.toContain(SECRET)
    const body = JSON.stringify({ level: 'debug' })
    expect(await (await call('/api/log-level', { method: 'PUT', body })).json()).toEqual({ level: 'debug' })
    expect((await call('/api/routes/copy/restart', { method: 'POST' })).status).toBe(200)
    await gateway.saw(/"level":"debug".*route copy ended/)
    gateway.process.kill('SIGTERM')
    const { code, output } = await gateway.result
    expect(code).toBe(0)
    expect(output).not.toContain(SECRET)
  })

  test('writes text for a person where that is asked for', async () => {
    const gateway = new Sluice(['run', '--log', 'text'], folder({ 'routes.yaml': ROUTES }))
    await gateway.saw(/^\d\d:\d\d:\d\d\.\d{3} info {2}started .*routes=copy/m)
    gateway.process.kill('SIGINT')
    expect((await gateway.result).code).toBe(0)
  })

  test('goes on while a broker is away, and says so without a secret or a stack', async () => {
    const gateway = new Sluice(['run', '--log', 'json', '--log-level', 'debug'], folder({ 'routes.yaml': AWAY }))
    const [, url] = await gateway.saw(started)
    await gateway.saw(/"route":"away".*CONNECT_FAILED/)
    const ready = (await (await fetch(`${url}/readyz`)).json()) as { routes: { name: string; state: string }[] }
    expect(ready.routes).toMatchObject([{ name: 'copy' }, { name: 'away', state: 'holding' }])
    await expect
      .poll(async () => ((await (await fetch(`${url}/readyz`)).json()) as typeof ready).routes[0]!.state)
      .toBe('running')
    expect((await fetch(`${url}/livez`)).status).toBe(200)
    gateway.process.kill('SIGTERM')
    const { code, output } = await gateway.result
    expect(code).toBe(0)
    expect(output).not.toContain(SECRET)
  })

  test('takes the admin port of the command line instead of the one in the file', async () => {
    const dir = folder({ 'routes.yaml': ROUTES.replace('port: 0', 'port: 1') })
    const gateway = new Sluice(['run', '--log', 'json', '--admin-port', '0'], dir)
    const [, url] = await gateway.saw(started)
    expect((await fetch(`${url}/livez`)).status).toBe(200)
    gateway.process.kill('SIGTERM')
    expect((await gateway.result).code).toBe(0)
  })

  test('exits 2 on a configuration that cannot be used, with the place', async () => {
    const { code, stderr } = await sluice(
      ['run'],
      folder({ 'routes.yaml': ROUTES.replace('address: in', 'adress: in') }),
    )
    expect(code).toBe(2)
    expect(stderr).toMatch(/routes\.yaml:6:\d+ error: there is no option "adress"[\s\S]*cannot be used: 1 error\.\n$/)
  })

  test('a second signal ends it at once, by 128 and its number, though messages are in flight', async () => {
    const routes = `${ROUTES.replace('memory://lab', 'stuck://x')}shutdown: { drain: 1h }\n`
    const dir = folder({ 'routes.yaml': routes, 'plugins/stuck.mjs': STUCK })
    const gateway = new Sluice(['run', '--log', 'text'], dir)
    await gateway.saw(/publishing for ever/)
    gateway.process.kill('SIGTERM')
    await gateway.saw(/stopping on SIGTERM/)
    gateway.process.kill('SIGINT')
    expect((await gateway.result).code).toBe(130)
  })

  test('an exception that nobody catches is one clear line and exit code 1', async () => {
    const dir = folder({
      'routes.yaml': ROUTES,
      'plugins/late.mjs': `setTimeout(() => { throw new Error('late and loud') }, 1_500)
        export default { name: 'late', transforms: [{ name: 'late', schema: {}, create: () => message => message }] }\n`,
    })
    const { code, stderr } = await sluice(['run', '--log', 'text'], dir)
    expect(code).toBe(1)
    expect(stderr).toMatch(/\nerror: late and loud\n$/)
    expect(stderr).not.toMatch(/\n\s+at /)
  })
})
