import { createServer } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { command, folder, ROUTES } from './sluice.ts'

describe('run --workers', () => {
  test('exits 3 when the port is taken, before it starts any', async () => {
    const other = createServer()
    await new Promise<void>(resolve => other.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void other.close())
    const { port } = other.address() as { port: number }
    const dir = folder({ 'routes.yaml': ROUTES.replace('port: 0', `port: ${port}`) })
    const { code, stderr } = await command(['run', '--workers', '2', '--log', 'text'], dir)
    expect([code, stderr]).toEqual([3, expect.stringMatching(/^error: the admin port 127\.0\.0\.1:\d+.*\n {2}hint: /)])
  })

  test('exits 2 where a route has a store of one process, and says what to use', async () => {
    const dir = folder({
      'routes.yaml': ROUTES.replace('address: out } }', 'address: out }, dedup: { by: "${id}" } }'),
    })
    const { code, stderr } = await command(['run', '--workers', '2', '--log', 'text'], dir)
    expect([code, stderr]).toEqual([2, expect.stringMatching(/route copy has a store of the kind `file`.*\n.*redis/)])
  })

  test.each(['0', '65', 'many'])('refuses %s of them', async count => {
    const { code, stderr } = await command(['run', '--workers', count], folder({ 'routes.yaml': ROUTES }))
    expect([code, stderr]).toEqual([2, expect.stringContaining('whole number, 1 to 64')])
  })
})
