import { Ajv } from 'ajv'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { buildSchema } from '../../src/config/json-schema.ts'
import { testRegistry } from './registry.ts'

const validate = new Ajv({ strict: false, allErrors: true }).compile(buildSchema(await testRegistry()))

const GOOD = `version: 1
connections:
  shop: { url: "amqp://guest:\${env.PW}@localhost", heartbeat: "\${env.HEARTBEAT}", tls: { rejectUnauthorized: "\${env.X == 'y'}" } }
  log: { url: "kafka://localhost:9092", driver: kafka }
  lab: { url: "\${env.URL}" }
routes:
  orders:
    from: { connection: shop, queue: sluice.orders, bind: [{ exchange: shop, keys: ["order.#"] }] }
    transform:
      - filter: \${body.total > 0}
      - set: { headers: { region: "\${headers.region}" } }
      - use: mask-card
        with: { field: number }
    to: { connection: log, topic: shop.orders, key: "\${headers.user_id}" }
    order: { by: "\${headers.user_id}" }
    dedup: { by: "\${id}", window: 10m, store: { file: { dir: .keys } } }
    retry: { attempts: 8, backoff: { initial: 100ms } }
    deadLetter: { connection: shop, queue: orders.dead, window: { size: 100, threshold: 50 } }
  back:
    from: { connection: log, topic: shop.orders }
    to: { connection: shop, exchange: shop }
    deadLetter: discard
    dedup: { store: memory }
`

test('the schema for editors takes what the check takes', () => {
  expect(validate(parse(GOOD)), JSON.stringify(validate.errors?.slice(0, 5), null, 1)).toBe(true)
})

test.each([
  ['an unknown route option', GOOD.replace('deadLetter: discard', 'inflight: 5')],
  ['an unknown source option', GOOD.replace('queue: sluice.orders', 'queu: sluice.orders')],
  ['an unknown connection option', GOOD.replace('heartbeat:', 'hartbeat:')],
  ['a duration without a unit', GOOD.replace('window: 10m', 'window: 600')],
  ['a missing target', GOOD.replace('    to: { connection: shop, exchange: shop }\n', '')],
  ['an unknown store', GOOD.replace('store: memory', 'store: reddis')],
  [
    'an option of another driver',
    GOOD.replace('{ url: "kafka://localhost:9092"', '{ vhost: /, url: "kafka://localhost:9092"'),
  ],
])('the schema for editors refuses %s', (_, text) => {
  expect(validate(parse(text))).toBe(false)
})
