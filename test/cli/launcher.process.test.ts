import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { folder, Sluice } from './sluice.ts'

const LAUNCHER = 'src/cli/sluice.js'
const PROGRAM = 'src/cli/main.ts'
const launcher = readFileSync(join(import.meta.dirname, '../..', LAUNCHER), 'utf8')

const saying = (word: string) => `export const main = (): void => console.log('${word}' as string)\n`

/** The launcher and, in place of the program, one that says `one`. */
const project = () => folder({ 'package.json': '{ "type": "module" }', [LAUNCHER]: launcher, [PROGRAM]: saying('one') })
const packages = (path: string): void => void mkdirSync(join(path, 'node_modules'))
const cache = (path: string) => join(path, 'node_modules/.cache/sluice')

async function run(path: string, env: Record<string, string> = {}): Promise<string> {
  const { stdout, stderr, code } = await new Sluice([], path, env, join(path, LAUNCHER)).result
  expect({ stderr, code }).toEqual({ stderr: '', code: 0 })
  return stdout.trim()
}

test('what was compiled is kept beside the packages, and never instead of a source that has changed', async () => {
  const path = project()
  packages(path)
  expect(await run(path)).toBe('one')
  expect(readdirSync(cache(path), { recursive: true }).length).toBeGreaterThan(1)
  expect(await run(path)).toBe('one')
  writeFileSync(join(path, PROGRAM), saying('two'))
  expect(await run(path)).toBe('two')
})

test('what was kept and is damaged does no harm', async () => {
  const path = project()
  packages(path)
  await run(path)
  const kept = readdirSync(cache(path), { recursive: true, withFileTypes: true }).filter(entry => entry.isFile())
  expect(kept).not.toEqual([])
  for (const { parentPath, name } of kept) writeFileSync(join(parentPath, name), 'nonsense')
  expect(await run(path)).toBe('one')
})

interface Case {
  readonly where: string
  readonly prepare: (path: string) => void
  readonly env?: Record<string, string>
}

test.each<Case>([
  { where: 'there are no packages', prepare: () => {} },
  {
    where: 'it cannot be written',
    prepare(path) {
      packages(path)
      // Not by permissions: root may write everywhere.
      symlinkSync('/proc/nowhere', join(path, 'node_modules/.cache'))
    },
  },
  { where: 'Node.js is told not to', prepare: packages, env: { NODE_DISABLE_COMPILE_CACHE: '1' } },
])('nothing is kept where $where', async ({ prepare, env }) => {
  const path = project()
  prepare(path)
  expect(await run(path, env)).toBe('one')
  expect(existsSync(cache(path))).toBe(false)
})
