import { expect, test } from 'vitest'
import { check } from '../../src/config/check.ts'
import { Source } from '../../src/config/source.ts'
import type { Driver } from '../../src/core/ports.ts'
import { Registry } from '../../src/core/registry.ts'
import { createMemoryDriver } from '../../src/drivers/memory/driver.ts'
import { builtinStores } from '../../src/stores/builtin.ts'
import { builtinTransforms } from '../../src/transforms/builtin.ts'

const memory = createMemoryDriver()
const { replies: _, ...features } = memory.features
const deaf: Driver = { ...memory, name: 'deaf', schemes: ['deaf'], features, schema: createMemoryDriver().schema }
const registry = new Registry()
  .add(builtinTransforms)
  .add(builtinStores)
  .add({ name: 'test', drivers: [memory, deaf] })

function checked(reply: string, from = 'memory', to = 'memory') {
  const text = `version: 1
connections:
  a: { driver: ${from}, url: "memory://a" }
  b: { driver: ${to}, url: "memory://b" }
routes:
  rpc:
    from: { connection: a, address: in }
    to: { connection: b, address: out }
    reply: ${reply}
`
  const context = { registry, baseDir: '.', sources: { env: {}, readFile: () => '' } }
  return check(new Source('routes.yaml', text), context)
}

test('true is every default, a mapping fills in the rest, false is none', () => {
  const reply = (text: string) => checked(text).config?.routes.get('rpc')?.reply
  expect(reply('true')).toEqual({ timeout: '5s' })
  expect(reply('{}')).toEqual({ timeout: '5s' })
  expect(reply('{ timeout: 250ms, address: mine }')).toEqual({ timeout: '250ms', address: 'mine' })
  expect(reply('false')).toBeUndefined()
})

test('an end whose driver cannot bridge requests is named', () => {
  const said = (from: string, to: string) => checked('true', from, to).problems.map(({ message }) => message)
  expect(said('deaf', 'memory')).toEqual([
    'a route with reply cannot answer what it reads there: deaf (from) does not support it',
  ])
  expect(said('memory', 'deaf')).toEqual([
    'a route with reply cannot hear answers there: deaf (to) does not support it',
  ])
  expect(said('deaf', 'deaf')).toHaveLength(2)
  expect(checked('false', 'deaf', 'deaf').problems).toEqual([])
})

test('attempts count on a route with reply, for no request is tried for ever', () => {
  const { problems } = checked('true\n    retry: { attempts: 2 }')
  expect(problems).toEqual([])
})
