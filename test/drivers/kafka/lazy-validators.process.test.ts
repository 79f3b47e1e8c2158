import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'

// In a process of its own: in this one the library may be there already.
const script = `
  await import('./src/drivers/kafka/driver.ts')
  const { Admin, ajv } = await import('@platformatic/kafka')
  const { Ajv2020 } = await import('ajv/dist/2020.js')
  const compiled = () => ajv._cache.size
  const said = run => { try { run(); return 'nothing' } catch (error) { return error.message } }
  const metaSchemas = new Ajv2020()._cache.size
  const loaded = compiled() - metaSchemas
  const admin = { clientId: 'a', bootstrapBrokers: ['127.0.0.1:1'], strict: true }
  const good = said(() => new Admin(admin))
  const bad = [said(() => new Admin({ ...admin, timeout: 'soon' })), said(() => new Admin({ ...admin, clientId: 1 }))]
  const elsewhere = said(() => new Ajv2020({ strict: true }).compile({ type: 'nonsense' }))
  console.log(JSON.stringify({ loaded, good, bad, elsewhere, used: compiled() - metaSchemas }))
  process.exit()
`

test('the client library compiles the schemas of its options when they are asked, and refuses what it refused', () => {
  const root = join(import.meta.dirname, '../../..')
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', script], { cwd: root, encoding: 'utf8' })
  const { loaded, used, good, bad, elsewhere } = JSON.parse(output)
  expect({ loaded, good }).toEqual({ loaded: 0, good: 'nothing' })
  expect(used).toBeGreaterThan(0)
  expect(used).toBeLessThan(10)
  expect(bad).toEqual([expect.stringContaining('timeout'), expect.stringContaining('clientId')])
  // Every other instance of ajv judges a schema at once.
  expect(elsewhere).toMatch(/type must be/)
})
