import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { folder, Sluice } from './sluice.ts'

const ROUTES = `version: 1
connections:
  shop: { url: "amqp://nowhere" }
  log: { url: "kafka://nowhere" }
routes:
  orders:
    from: { connection: shop, queue: orders }
    transform: [{ filter: "\${body.total > 0}" }]
    to: { connection: log, topic: orders }
    deadLetter: discard
`

test('sluice test --watch runs again when the configuration changes, and ends with a signal', async () => {
  const dir = folder({
    'routes.yaml': ROUTES,
    'routes.test.yaml': `version: 1\ntests: [{ name: a, route: orders, given: { body: { total: 3 } }, expect: nothing }]\n`,
  })
  const process = new Sluice(['test', '--watch'], dir)
  await process.saw(/waiting for a file to change/)
  writeFileSync(join(dir, 'routes.yaml'), ROUTES.replace('body.total > 0', 'body.total > 3'))
  await process.saw(/waiting[\s\S]*waiting for a file to change/)
  process.process.kill('SIGTERM')
  const { code, stdout } = await process.result
  expect(stdout).toMatch(/0 passed, 1 failed[\s\S]*1 passed, 0 failed/)
  expect(code).toBe(0)
})
