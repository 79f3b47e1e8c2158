import { createServer } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { command, folder, ROUTES } from './sluice.ts'

const SECRET = 'hunter22-very-secret'
// Nobody listens on port 9.
const AWAY = ROUTES.replace('routes:', `  k: { url: "kafka://me:${SECRET}@127.0.0.1:9" }\nroutes:`).concat(
  '  away: { from: { connection: a, address: in2 }, to: { connection: k, topic: x } }\n',
)

describe('run', () => {
  test('does not open its port to others without a token', async () => {
    const file = ROUTES.replace('port: 0', 'port: 0, host: 0.0.0.0')
    const { code, stderr } = await command(['run'], folder({ 'routes.yaml': file }))
    expect(code).toBe(2)
    expect(stderr).toContain('routes.yaml:2:25 error: 0.0.0.0 is open to others, and there is no token')
  })

  test('with --fail-fast exits 3 when a route cannot start', async () => {
    const { code, stderr } = await command(['run', '--fail-fast', '--log', 'text'], folder({ 'routes.yaml': AWAY }))
    expect(code).toBe(3)
    expect(stderr).toMatch(/error \[away\] cannot start: .*127\.0\.0\.1:9/)
    expect(stderr).not.toContain(SECRET)
  })

  test('exits 3 when the admin port is taken, before it receives anything', async () => {
    const other = createServer()
    await new Promise<void>(resolve => other.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void other.close())
    const { port } = other.address() as { port: number }
    const dir = folder({ 'routes.yaml': ROUTES.replace('port: 0', `port: ${port}`) })
    const { code, stderr } = await command(['run', '--log', 'text'], dir)
    expect(code).toBe(3)
    expect(stderr).toBe(
      `error: the admin port 127.0.0.1:${port} is taken\n  hint: Set \`admin: { port }\` or \`--admin-port\` to a free one, or stop the other process.\n`,
    )
  })
})
