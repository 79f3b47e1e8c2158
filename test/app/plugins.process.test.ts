import { expect, test } from 'vitest'
import { folder, sluice } from '../cli/sluice.ts'

// In processes of their own: vitest resolves and compiles what a module imports in its own way.
test('plug-ins use this very program by the name `sluice`, wherever they lie', async () => {
  const dir = folder({
    'routes.yaml': 'version: 1\n',
    'plugins/typed.ts': `import { Closed, definePlugin } from 'sluice'
const name: string = 'typed'
export default definePlugin({ name, transforms: [{ name, schema: Closed({}), create: () => message => message }] })\n`,
  })
  const { code, stdout, stderr } = await sluice(['schema', '-c', 'routes.yaml'], dir)
  expect([code, stderr]).toEqual([0, ''])
  expect(stdout).toContain('"typed"')
})

test('check names a plug-in that cannot be loaded, at its place', async () => {
  const dir = folder({
    'routes.yaml': 'version: 1\nplugins: [./a.mjs, ./b.ts]\n',
    'a.mjs': 'export default {',
    'b.ts': 'enum Kind { A }\nexport default { name: `x${Kind.A}`, transforms: [] }\n',
  })
  const { code, stdout } = await sluice(['check'], dir)
  expect(code).toBe(2)
  expect(stdout).toMatch(/routes\.yaml:2:11 error: the plug-in \.\/a\.mjs cannot be read: Unexpected end of input/)
  expect(stdout).toMatch(/routes\.yaml:2:20 error: the plug-in \.\/b\.ts cannot be read: .*enum/)
  expect(stdout).toMatch(/no enums, namespaces/)
  expect(stdout).not.toMatch(/\n\s+at |node:internal|\.ts:\d+:\d+\)/)
})
