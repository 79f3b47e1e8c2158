import { describe, expect, test } from 'vitest'
import { check } from '../../src/config/check.ts'
import { configHash, plan } from '../../src/config/plan.ts'
import type { Config } from '../../src/config/schema.ts'
import { Source } from '../../src/config/source.ts'
import { testRegistry } from './registry.ts'

const registry = await testRegistry()

function load(text: string, password = 'hunter22-secret'): Config {
  const sources = { env: { PW: password }, readFile: () => '' }
  const { config, problems } = check(new Source('routes.yaml', text), { registry, baseDir: '.', sources })
  expect(problems.filter(problem => problem.severity === 'error')).toEqual([])
  return config!
}

const BASE = `version: 1
connections:
  shop: { url: "amqp://sluice:\${env.PW}@localhost" }
  log: { url: "kafka://localhost:9092" }
routes:
  orders:
    from: { connection: shop, queue: orders }
    transform:
      - filter: \${body.total > 0}
    to: { connection: log, topic: orders }
  refunds:
    from: { connection: log, topic: refunds }
    to: { connection: log, topic: copies }
`

const from = (change: (text: string) => string, password?: string) => plan(load(BASE), load(change(BASE), password))

describe('the plan', () => {
  test('starts every route where nothing runs yet', () => {
    expect(plan(undefined, load(BASE)).changes).toEqual([
      { kind: 'start', route: 'orders', paths: [] },
      { kind: 'start', route: 'refunds', paths: [] },
    ])
  })

  test('is empty for an equal configuration, however it is written', () => {
    const same = from(text =>
      text.replace('{ connection: shop, queue: orders }', '{ queue: orders, connection: shop } # same'),
    )
    expect(same).toMatchObject({ changes: [], process: [] })
  })

  test('swaps what lies between source and target, and names the path', () => {
    expect(from(text => text.replace('body.total > 0', 'body.total > 10')).changes).toEqual([
      { kind: 'swap', route: 'orders', paths: ['routes.orders.transform[0]'] },
    ])
  })

  test('restarts a route whose source changes, directly or by its connection', () => {
    expect(from(text => text.replace('queue: orders }', 'queue: orders, prefetch: 5 }')).changes).toEqual([
      { kind: 'restart', route: 'orders', paths: ['routes.orders.from.prefetch'] },
    ])
    expect(from(text => text, 'another-secret').changes).toEqual([
      { kind: 'restart', route: 'orders', paths: ['connections.shop.url'] },
    ])
  })

  test('stops before it starts, so that a renamed route can take over its queue', () => {
    const { changes } = from(text => text.replace('  orders:\n', '  sales:\n'))
    expect(changes.map(change => `${change.kind} ${change.route}`)).toEqual(['stop orders', 'start sales'])
  })

  test('treats a disabled route as one that is not there', () => {
    expect(from(text => `${text}    enabled: false\n`).changes).toEqual([{ kind: 'stop', route: 'refunds', paths: [] }])
  })

  test('tells options of the process apart, which need a restart', () => {
    expect(from(text => `${text}admin: { port: 9999 }\n`)).toMatchObject({ changes: [], process: ['admin.port'] })
  })

  test('holds no value, secret or not', () => {
    const text = JSON.stringify(from(text => text.replace('body.total > 0', 'body.card == "4111"'), 'another-secret'))
    expect(text).not.toMatch(/another-secret|hunter22|4111/)
  })
})

describe('the hash', () => {
  test('is the same for the same configuration and another for any change', () => {
    const hash = configHash(load(BASE))
    expect(hash).toMatch(/^[0-9a-f]{16}$/)
    expect(configHash(load(BASE.replace('version: 1', 'version: 1 # comment')))).toBe(hash)
    expect(configHash(load(BASE.replace('total > 0', 'total > 1')))).not.toBe(hash)
    expect(configHash(load(BASE, 'other-password'))).not.toBe(hash)
  })

  test('of a plan depends on both sides', () => {
    const a = from(text => text.replace('total > 0', 'total > 1'))
    const b = from(text => text.replace('total > 0', 'total > 2'))
    expect(a.hash).not.toBe(b.hash)
    expect(a.hash).toBe(from(text => text.replace('total > 0', 'total > 1')).hash)
  })
})
