import { expect, test } from 'vitest'
import { check } from '../../src/config/check.ts'
import { Source } from '../../src/config/source.ts'
import { testRegistry } from './registry.ts'

const registry = await testRegistry()
const PASSWORD = 'hunter22-very-secret'

function checked(store: string, env: Readonly<Record<string, string>> = { REDIS_PASSWORD: PASSWORD }) {
  const text = `version: 1
connections:
  a: { url: "memory://a" }
routes:
  orders:
    from: { connection: a, address: in }
    to: { connection: a, address: out }
    dedup: { by: "\${id}", store: ${store} }
`
  return check(new Source('routes.yaml', text), { registry, baseDir: '.', sources: { env, readFile: () => '' } })
}

test('the login of a store comes from the environment, as that of a connection does, and is a secret', () => {
  const { config, problems, secrets } = checked('{ redis: { url: "redis://sluice:${env.REDIS_PASSWORD}@cache:6379" } }')
  expect(problems).toEqual([])
  expect(config?.routes.get('orders')?.dedup).toMatchObject({
    store: 'redis',
    options: { url: `redis://sluice:${PASSWORD}@cache:6379`, prefix: 'sluice:', lease: '10s', timeout: '3s' },
  })
  expect(secrets.redact(`it was ${PASSWORD}`)).not.toContain(PASSWORD)
})

test('a variable that is not set is pointed out in its place', () => {
  const { problems, config } = checked('{ redis: { url: "redis://sluice:${env.REDIS_PASSWORD}@cache:6379" } }', {})
  expect(config).toBeUndefined()
  expect(problems).toMatchObject([
    {
      severity: 'error',
      path: 'routes.orders.dedup.store.redis.url',
      message: expect.stringContaining('REDIS_PASSWORD'),
    },
  ])
})

test('a store that needs a url says so', () => {
  expect(checked('redis').problems).toMatchObject([{ message: expect.stringContaining('url') }])
})
