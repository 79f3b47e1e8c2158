import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { loadPlugins } from '../../src/app/plugins.ts'
import { Registry } from '../../src/core/registry.ts'

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
})

function folder(files: Readonly<Record<string, string>>): string {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-plugins-'))
  folders.push(dir)
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, name)), { recursive: true })
    writeFileSync(join(dir, name), text)
  }
  return dir
}

async function load(files: Readonly<Record<string, string>>, listed?: readonly string[]) {
  const registry = new Registry()
  const problems = await loadPlugins(listed, folder(files), registry)
  return { registry, problems, transforms: [...registry.transforms.keys()] }
}

const transform = (name: string) =>
  `export default { name: '${name}', transforms: [{ name: '${name}', schema: { type: 'object' }, create: () => m => m }] }\n`

describe('plug-ins are found', () => {
  test('in the folder plugins/, in the order of their names, without tests and declarations', async () => {
    const { problems, transforms } = await load({
      'plugins/b.js': transform('b'),
      'plugins/a.ts': `const name: string = 'a'\n${transform('a')}`,
      'plugins/a.test.ts': 'throw new Error("a test is no plug-in")',
      'plugins/types.d.ts': 'export type X = 1',
      'plugins/notes.md': '# notes',
      'package.json': '{ "type": "module" }',
    })
    expect(problems).toEqual([])
    expect(transforms).toEqual(['a', 'b'])
  })

  test('by path and by package, and then nothing else is loaded', async () => {
    const { problems, transforms } = await load(
      {
        'plugins/unlisted.mjs': transform('unlisted'),
        'mine/here.mjs': transform('here'),
        'node_modules/@acme/masks/package.json':
          '{ "name": "@acme/masks", "type": "module", "exports": { ".": { "import": "./lib/main.js" } } }',
        'node_modules/@acme/masks/lib/main.js': transform('masks'),
        'node_modules/plain/package.json': '{ "name": "plain", "main": "plain.mjs" }',
        'node_modules/plain/plain.mjs': transform('plain'),
      },
      ['./mine/here.mjs', '@acme/masks', 'plain'],
    )
    expect(problems).toEqual([])
    expect(transforms).toEqual(['here', 'masks', 'plain'])
  })

  test('nowhere, where there is no folder', async () => {
    expect((await load({})).problems).toEqual([])
  })
})

describe('a plug-in that cannot be used is named with its reason', () => {
  test.each([
    [
      'throws while it is loaded',
      'throw new Error("no license key")',
      /x\.mjs threw while it was loaded: no license key/,
    ],
    [
      'imports what is missing',
      "import 'left-pad-that-is-not-there'\nexport default {}",
      /imports something that is missing: .*left-pad/,
    ],
    ['exports nothing', 'export const name = 1', /has no default export/],
    ['exports no plug-in', 'export default 5', /not a plug-in/],
    ['has no name', 'export default { transforms: [] }', /has no name/],
    ['brings nothing', "export default { name: 'x' }", /brings nothing/],
    [
      'has a key that means nothing',
      "export default { name: 'x', transform: [] }",
      /a key "transform" that means nothing/,
    ],
    [
      'has a transform without create',
      "export default { name: 'x', transforms: [{ name: 'x', schema: {} }] }",
      /transform "x" without create\(\)/,
    ],
    [
      'has a transform with a bad name',
      "export default { name: 'x', transforms: [{ name: 'Mask Card', schema: {}, create() {} }] }",
      /transform 1 without a usable name/,
    ],
    [
      'has a driver without schemes',
      "export default { name: 'x', drivers: [{ name: 'x', features: {}, schema: {}, connect() {} }] }",
      /driver "x" without schemes/,
    ],
    [
      'has a broken schema',
      "export default { name: 'x', transforms: [{ name: 'x', schema: { type: 'objekt' }, create() {} }] }",
      /the schema of transform "x" is broken/,
    ],
  ])('when it %s', async (_, text, message) => {
    const { problems } = await load({ 'x.mjs': text, 'good.mjs': transform('good') }, ['./x.mjs', './good.mjs'])
    expect(problems).toHaveLength(1)
    expect(problems[0]).toMatchObject({ index: 0, file: './x.mjs', message: expect.stringMatching(message) })
    expect(problems[0]!.hint).not.toBe('')
    expect(problems[0]!.message).not.toContain('\n')
  })

  test('when it is not there', async () => {
    const { problems } = await load({}, ['./nope.ts', '@acme/nope'])
    expect(problems.map(problem => problem.message)).toEqual([
      expect.stringMatching(/there is no plug-in .*nope\.ts/),
      'the package @acme/nope is not installed',
    ])
  })

  test('when its name is taken, while the first one stays', async () => {
    const { problems, transforms } = await load({
      'plugins/a.mjs': transform('same'),
      'plugins/b.mjs': transform('same'),
    })
    expect(problems).toMatchObject([
      { index: undefined, file: './plugins/b.mjs', message: expect.stringContaining('"same" is already taken') },
    ])
    expect(transforms).toEqual(['same'])
  })
})
