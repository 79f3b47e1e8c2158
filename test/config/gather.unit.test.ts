import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { check } from '../../src/config/check.ts'
import type { RouteConfig } from '../../src/config/schema.ts'
import { Source } from '../../src/config/source.ts'
import { testRegistry } from './registry.ts'

const registry = await testRegistry()
const PAGE = readFileSync(join(import.meta.dirname, '../../docs/windows.md'), 'utf8')

function routeOf(text: string): RouteConfig {
  const sources = { env: {}, readFile: () => '' }
  const { problems, config } = check(new Source('routes.yaml', text), { registry, baseDir: '.', sources })
  expect(problems.filter(({ severity }) => severity === 'error')).toEqual([])
  return [...config!.routes.values()][0]!
}

const routes = (step: string, from = '{ connection: shop, queue: orders }') => `version: 1
connections:
  shop: { url: "amqp://guest:guest@localhost" }
  log: { url: "kafka://localhost" }
routes:
  orders:
    from: ${from}
    to: { connection: shop, queue: counts }
    transform: [${step}]
`

test('the seed case of docs/windows.md can be used as it is', () => {
  const route = routeOf(/```yaml\n(version: 1[\s\S]*?)```/.exec(PAGE)![1]!)
  expect(route.transform.map(({ name }) => name)).toEqual(['window'])
  expect(registry.gathers.get('window')!.gather(route.transform[0]!.options)).toMatchObject({
    every: 5_000,
    window: { eventTime: true, lateness: 2_000, late: 'drop' },
  })
})

test('a window knows its store, with the defaults of that store', () => {
  const store = (more: string) =>
    (
      routeOf(routes(`{ window: { every: 5s, aggregate: { count: true }${more} } }`)).transform[0]!.options as {
        store: object
      }
    ).store
  expect(store('')).toEqual({ name: 'file', options: { dir: '.sluice/dedup', fsync: false } })
  expect(store(', store: memory')).toEqual({ name: 'memory', options: {} })
  expect(store(', store: { file: { dir: x } }')).toEqual({ name: 'file', options: { dir: 'x', fsync: false } })
})

test('messages are gathered in the order of their source, unless the route says otherwise', () => {
  const step = '{ batch: { count: 5 } }'
  expect(routeOf(routes(step)).order).toBe('source')
  const kafka = '{ connection: log, topic: orders }'
  expect(routeOf(routes(step, kafka)).order).toBe('source')
  expect(routeOf(`${routes(step, kafka)}    order: none\n`).order).toBe('none')
  expect(routeOf(routes('{ filter: "${true}" }', kafka)).order).toEqual({ by: '${key}' })
})

test('more pieces than messages in flight may make one batch', () => {
  const route = routeOf(`${routes('{ split: "${body}" }, { batch: { count: 100 } }')}    inFlight: 10\n`)
  expect(route.transform.map(({ name }) => name)).toEqual(['split', 'batch'])
})
