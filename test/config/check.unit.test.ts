import { describe, expect, test } from 'vitest'
import { check } from '../../src/config/check.ts'
import type { Config } from '../../src/config/schema.ts'
import { Source } from '../../src/config/source.ts'
import { Registry } from '../../src/core/registry.ts'
import { testRegistry } from './registry.ts'

const registry = await testRegistry()

function checked(text: string, known: Registry = registry) {
  return check(new Source('routes.yaml', text), {
    registry: known,
    baseDir: import.meta.dirname,
    sources: { env: { PW: 'hunter22-secret', PORT: '7' }, readFile: () => '' },
  })
}

function config(text: string): Config {
  const { problems, config } = checked(text)
  expect(problems).toEqual([])
  return config!
}

const HEAD = `version: 1
connections:
  shop: { url: "amqp://sluice:\${env.PW}@localhost" }
  log: { url: "kafka://localhost:9092", connectTimeout: 5s }
`

describe('a configuration that is fine', () => {
  test('has every default', () => {
    const { routes, ...top } = config(`${HEAD}routes:
  orders:
    from: { connection: shop, queue: orders }
    to: { connection: log, topic: orders }
    dedup: {}
`)
    expect(top).toMatchObject({
      admin: { host: '127.0.0.1', port: 8085 },
      memory: '256MiB',
      slow: '1000ms',
      shutdown: { drain: '20s' },
      reload: { watch: true },
      log: { level: 'info', format: 'auto' },
    })
    expect(top.plugins).toBeUndefined()
    expect(routes.get('orders')).toMatchObject({
      name: 'orders',
      enabled: true,
      from: { connection: 'shop', options: { queue: 'orders' } },
      transform: [],
      to: { connection: 'log', options: { topic: 'orders', compression: 'none' } },
      dedup: { by: '${id}', window: '10m', count: 1_000_000, store: 'file', options: { fsync: false } },
      retry: { attempts: 8, backoff: { initial: '100ms', max: '30s', factor: 2, jitter: 0.2 } },
      inFlight: 2_000,
      decode: 'json',
      batch: { size: expect.any(Number), bytes: '1MiB', linger: expect.stringMatching(/ms$/), concurrency: 4 },
      slow: '1000ms',
    })
    expect(routes.get('orders')!.deadLetter).toBeUndefined()
  })

  test('has its connections evaluated, with what was written before defaults', () => {
    const { connections } = config(`${HEAD}routes:
  orders: { from: { connection: shop, queue: a }, to: { connection: log, topic: b } }
`)
    expect(connections.get('shop')).toMatchObject({
      driver: 'rabbitmq',
      options: { url: 'amqp://sluice:hunter22-secret@localhost' },
    })
    expect(connections.get('log')).toMatchObject({
      driver: 'kafka',
      options: { connectTimeout: '5s', requestTimeout: '30s' },
    })
  })

  test('orders by the key of the target, else by the key of the message, unless it says otherwise', () => {
    const route = (to: string, more = '') =>
      config(
        `${HEAD}routes:\n  r: { from: { connection: shop, queue: a }, to: { connection: log, topic: b${to} }${more} }\n`,
      ).routes.get('r')!.order
    expect(route(', key: "${headers.user}"')).toEqual({ by: '${headers.user}' })
    expect(route('')).toEqual({ by: '${key}' })
    expect(route(', key: "${headers.user}"', ', order: none')).toBe('none')
    expect(route('', ', order: { by: "${subject}" }')).toEqual({ by: '${subject}' })
  })

  test('has steps by name, whichever way they are written', () => {
    const { transform } = config(`${HEAD}routes:
  r:
    from: { connection: shop, queue: a }
    transform:
      - filter: \${body.total > 0}
      - use: mask-card
        with: { field: number }
        timeout: 2s
      - use: mask-card
    to: { connection: log, topic: b }
`).routes.get('r')!
    expect(transform).toEqual([
      { name: 'filter', options: '${body.total > 0}', timeout: '30s' },
      { name: 'mask-card', options: { field: 'number' }, timeout: '2s' },
      { name: 'mask-card', options: { field: 'card' }, timeout: '30s' },
    ])
  })

  test('keeps the window of a dead-letter target apart from the options of its driver', () => {
    const { deadLetter } = config(`${HEAD}routes:
  r:
    from: { connection: shop, queue: a }
    to: { connection: log, topic: b }
    deadLetter: { connection: shop, queue: dead, window: { size: 100, threshold: 50 } }
`).routes.get('r')!
    expect(deadLetter).toMatchObject({
      connection: 'shop',
      options: { queue: 'dead' },
      window: { size: 100, threshold: 50 },
    })
    expect((deadLetter as { options: object }).options).not.toHaveProperty('window')
  })

  test('may share parts by anchors and merges, which stay independent', () => {
    const { routes } = config(`${HEAD}routes:
  a: &base { from: { connection: shop, queue: a }, to: { connection: log, topic: x }, retry: &calm { attempts: 3 }, deadLetter: discard }
  b: { <<: *base, from: { connection: shop, queue: b }, rate: 5/s }
`)
    expect(routes.get('b')).toMatchObject({ rate: '5/s', retry: { attempts: 3 }, from: { options: { queue: 'b' } } })
    expect(routes.get('a')!.rate).toBeUndefined()
  })
})

describe('a check', () => {
  test('sorts by place and says everything at once', () => {
    const { problems } = checked(
      `version: 2\nroutes: { r: { inFlight: x, from: { connection: nope } } }\nconnections: {}\n`,
    )
    expect(problems.map(problem => problem.line)).toEqual(
      problems.map(problem => problem.line).toSorted((a, b) => a - b),
    )
    expect(problems.length).toBeGreaterThanOrEqual(4)
  })

  test('warns of an order by keys that the source does not have', () => {
    const keyless = new Registry()
    for (const driver of registry.drivers.values())
      keyless.add({ name: driver.name, drivers: [{ ...driver, features: { ...driver.features, keys: false } }] })
    const { problems, config } = checked(
      `${HEAD}routes:\n  r: { from: { connection: shop, queue: a }, to: { connection: log, topic: b }, order: { by: "\${key}" } }\n`,
      keyless,
    )
    expect(problems).toMatchObject([
      { severity: 'warning', path: 'routes.r.order.by', message: expect.stringContaining('have no key') },
    ])
    expect(config).toBeDefined()
  })

  test('survives a driver whose own check throws', () => {
    const odd = new Registry()
    for (const driver of registry.drivers.values())
      odd.add({
        name: driver.name,
        drivers: [
          {
            ...driver,
            check: () => {
              throw new Error('the check itself is broken')
            },
          },
        ],
      })
    const { problems } = checked(
      `${HEAD}routes:\n  r: { from: { connection: shop, queue: a }, to: { connection: log, topic: b } }\n`,
      odd,
    )
    expect(problems.every(problem => problem.message === 'the check itself is broken')).toBe(true)
    expect(problems.length).toBeGreaterThan(0)
  })
})
