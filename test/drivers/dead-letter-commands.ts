import { expect } from 'vitest'
import { command, folder } from '../cli/sluice.ts'
import { RunningGateway } from '../streams/gateway.ts'

/** A body the route below takes, and one it does not. */
export const BODIES = ['{"ok":true}', 'no JSON 1', '{"ok":true}', 'no JSON 2', '{"ok":true}'] as const

/** A route that dead-letters what is not JSON, unless somebody mended it. */
export const routes = (url: string, from: string, to: string, dead: string): string => `version: 1
admin: false
connections: { c: { url: "${url}" } }
routes:
  orders:
    from: { connection: c, ${from} }
    transform:
      - filter: "\${has(headers.mended) || body.ok}"
    to: { connection: c, ${to} }
    deadLetter: { connection: c, ${dead} }
`

/** Every command of `sluice dlq`, in the order a person would use them, over two dead letters of the five BODIES sent. */
export async function everyCommand(yaml: string, send: () => Promise<void>): Promise<void> {
  {
    await using gateway = await RunningGateway.start(yaml)
    await send()
    await gateway.settled(BODIES.length)
    await gateway.stop()
  }
  const dir = folder({ 'routes.yaml': yaml })
  const dlq = async (...args: string[]) => {
    const result = await command(['dlq', ...args], dir)
    return { ...result, json: () => JSON.parse(result.stdout) as Record<string, unknown> }
  }
  const listed = async (count: string) => expect((await dlq('list', 'orders')).output).toContain(`${count} dead letter`)
  await listed('2')
  await listed('2')
  expect((await dlq('list', 'orders', '--reason', 'LOOP')).output).toContain('0 dead letters')
  const shown = await dlq('show', 'orders')
  for (const text of ['no JSON 1', 'no JSON 2', 'BODY_INVALID']) expect(shown.output).toContain(text)
  expect((await dlq('redrive', 'orders', '--dry-run')).output).toContain('2 of 2')
  await listed('2')

  const again = await dlq('redrive', 'orders', '--limit', '1', '--json')
  expect([again.code, again.json()]).toMatchObject([1, { matched: 1, done: 0, failed: 1 }])
  await listed('2')
  const mended = await dlq('redrive', 'orders', '--set-header', 'mended=yes', '--limit', '1', '--json')
  expect([mended.code, mended.json()]).toMatchObject([0, { matched: 1, done: 1, failed: 0 }])
  await listed('1')

  expect((await dlq('purge', 'orders', '--reason', 'LOOP', '--json')).json()).toMatchObject({ done: 0 })
  expect((await dlq('purge', 'orders', '--all', '--json')).json()).toMatchObject({ done: 1 })
  await listed('0')
}
