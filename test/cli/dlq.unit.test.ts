import { describe, expect, test } from 'vitest'
import { command, folder } from './sluice.ts'

const ROUTES = `version: 1
connections:
  a: { url: "memory://lab" }
routes:
  orders:
    from: { connection: a, address: in }
    to: { connection: a, address: out }
    deadLetter: { connection: a, address: dead }
  bare: { from: { connection: a, address: in2 }, to: { connection: a, address: out } }
`

const run = (...args: string[]) => command(['dlq', ...args], folder({ 'routes.yaml': ROUTES }))

describe('dlq', () => {
  test.each([
    [['list', 'order'], /there is no route "order"/],
    [['list', 'bare'], /keeps no dead letters[\s\S]*deadLetter/],
    [['list', 'orders', '--reason', 'TOO_BIG'], /there is no error code TOO_BIG[\s\S]*docs\/errors\.md/],
    [['purge', 'orders'], /would remove every dead letter[\s\S]*--all/],
  ])('%j says why not and exits 2', async (args, message) => {
    const { code, stderr } = await run(...args)
    expect(code).toBe(2)
    expect(stderr).toMatch(message)
    expect(stderr).not.toMatch(/\n\s+at /)
  })

  test('an empty box lists nothing and exits 0', async () => {
    const { code, stdout, stderr } = await run('list', 'orders')
    expect([code, stdout, stderr]).toEqual([0, '', '0 dead letters.\n'])
  })

  test('counts come as JSON where that is asked for', async () => {
    const { code, stdout } = await run('redrive', 'orders', '--json', '--dry-run')
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toEqual({ seen: 0, matched: 0, done: 0, failed: 0 })
  })
})
