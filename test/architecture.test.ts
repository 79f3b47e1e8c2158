import { readdirSync, readFileSync } from 'node:fs'
import { join, relative, resolve, sep } from 'node:path'
import { describe, expect, it } from 'vitest'
import { bare, type Files, imports } from './architecture/code.ts'
import { content, lengths, refusals } from './architecture/rules.ts'

const root = resolve(import.meta.dirname, '..')

describe('architecture', () => {
  it('src keeps the direction of imports, the names of rooms and the size of files', () => {
    const files = read('src')
    expect(files.size).toBeGreaterThan(20)
    expect(refusals(files)).toEqual([])
  })

  it('tests are short and postpone nothing', () => {
    const files = read('test')
    expect([...lengths(files), ...content(files)]).toEqual([])
  })
})

describe('the architecture test itself refuses', () => {
  const cases: readonly [what: string, files: Record<string, string>, refusal: RegExp][] = [
    ['an import upwards', { 'src/core/a.ts': "import { x } from '../engine/b.ts'" }, /core is below engine/],
    [
      'an import of a type upwards',
      { 'src/config/a.ts': "import type { X } from '../app/b.ts'" },
      /config is below app/,
    ],
    [
      'a dynamic import upwards',
      { 'src/engine/a.ts': "const x = await import('../cli/run.ts')" },
      /engine is below cli/,
    ],
    ['a re-export upwards', { 'src/core/a.ts': "export * from '../config/b.ts'" }, /core is below config/],
    ['an import over several lines', { 'src/core/a.ts': "import {\n  x,\n} from '../app/b.ts'" }, /core is below app/],
    [
      'a driver in the engine',
      { 'src/engine/a.ts': "import { k } from '../drivers/kafka/driver.ts'" },
      /only app names/,
    ],
    ['a driver that knows another', { 'src/drivers/a/x.ts': "import { y } from '../b/y.ts'" }, /never know each other/],
    [
      'a store that knows config',
      { 'src/stores/a.ts': "import { y } from '../config/y.ts'" },
      /stores import core only/,
    ],
    ['an import of the public door', { 'src/app/a.ts': "import { y } from '../index.ts'" }, /public door/],
    ['an import of a test', { 'src/app/a.ts': "import { y } from '../../test/y.ts'" }, /not part of the product/],
    ['a room nobody planned', { 'src/magic/a.ts': "import { y } from '../core/y.ts'" }, /no room we know/],
    [
      'a cycle, types included',
      { 'src/core/a.ts': "import { b } from './b.ts'", 'src/core/b.ts': "import type { A } from './a.ts'" },
      /a\.ts → src\/core\/b\.ts → src\/core\/a\.ts is a cycle/,
    ],
    ['a folder named after a kind of code', { 'src/core/utils/a.ts': '' }, /kind of code \(utils\)/],
    ['a file named after a kind of code', { 'src/core/types.ts': '' }, /named after a kind of code/],
    ['a barrel', { 'src/engine/index.ts': "export * from './a.ts'" }, /is a barrel/],
    ['a long file', { 'src/core/a.ts': 'x\n'.repeat(301), 'src/core/b.ts': '', 'src/core/c.ts': '' }, /has 301 lines/],
    ['long files', { 'src/core/a.ts': 'x\n'.repeat(111) }, /median file has 111 lines/],
    ['any', { 'src/core/a.ts': 'export const x = (y: any) => y' }, /a\.ts:1 says any/],
    ['any by a cast', { 'src/core/a.ts': '\nx as any' }, /a\.ts:2 says any/],
    ['a postponement', { 'src/core/a.ts': `// ${'TO'}DO: later` }, /postpones/],
    ['state of a module', { 'src/core/a.ts': 'let count = 0' }, /state of a module/],
  ]

  for (const [what, files, refusal] of cases)
    it(what, () => {
      const found = refusals(new Map(Object.entries(files)))
      expect(found).toHaveLength(1)
      expect(found[0]).toMatch(refusal)
      expect(found[0]).toMatch(/[:,] .+\.$/)
    })

  it('nothing of what is in order', () => {
    const files = {
      'src/index.ts': "export type * from './core/ports.ts'",
      'src/core/ports.ts': "import { x } from 'node:fs' // any TO DO\nconst text = 'as any'",
      'src/core/cel.ts': '// biome-ignore lint/suspicious/noExplicitAny: the library says so\n x: any',
      'src/drivers/index.ts': "const load = () => import('./kafka/driver.ts')",
      'src/drivers/kafka/driver.ts': "import { y } from './y.ts'\nimport type { Z } from '../../core/ports.ts'",
      'src/app/a.ts': "import { d } from '../drivers/index.ts'\nimport { e } from '../engine/e.ts'",
      'src/engine/e.ts': "// import { y } from '../cli/run.ts'\nconst s = `import '../cli/run.ts'`.length",
    }
    const known = new Map(Object.entries(files))
    expect(refusals(known)).toEqual([])
  })
})

describe('how the architecture test reads code', () => {
  it('blanks comments, texts, templates with holes and regular expressions', () => {
    const source = "a // any\n/* any */ b 'any' `any ${c ? `any` : 'any'}`; /[/'any]/.test(d) 1 / 2 / any"
    expect(bare(source).replace(/\s+/g, ' ')).toBe("a b ' ' ` `; .test(d) 1 / 2 / any")
  })

  it('finds imports in every form', () => {
    const source = `import 'a'\nimport b, { type C } from "b"\nexport { d } from 'd'\ntype E = import('e').E\nawait import('f')`
    expect(imports(source).toSorted()).toEqual(['a', 'b', 'd', 'e', 'f'])
    expect(imports("// from 'x'\nconst from = 'y'")).toEqual([])
  })
})

function read(folder: string): Files {
  const files = readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile() && entry.name.endsWith('.ts'))
    .map(entry => join(entry.parentPath, entry.name))
  return new Map(files.map(file => [relative(root, file).split(sep).join('/'), readFileSync(file, 'utf8')]))
}
