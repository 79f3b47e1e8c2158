import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createPaint } from '../../src/cli/paint.ts'
import { countProblems, formatProblem } from '../../src/cli/report.ts'
import { check } from '../../src/config/check.ts'
import { readSource } from '../../src/config/load.ts'
import { testRegistry } from './registry.ts'

// Each broken/NAME.yaml has its words in broken/NAME.txt. SLUICE_UPDATE_GOLDEN=1 writes them anew: then read them.
const dir = join(import.meta.dirname, 'broken')
const UPDATE = process.env['SLUICE_UPDATE_GOLDEN'] === '1'
const SECRET = 'hunter2-hunter2'
const ENV = { SLUICE_TEST_PASSWORD: SECRET, SLUICE_TEST_STRICT: 'true', SLUICE_TEST_AWKWARD: 'p@ss/word' }

const names = readdirSync(dir)
  .filter(name => name.endsWith('.yaml'))
  .map(name => name.slice(0, -'.yaml'.length))

const registry = await testRegistry()
const said = new Map<string, string>()

function words(name: string): string {
  const source = readSource(join(dir, `${name}.yaml`))
  const sources = { env: ENV, readFile: (path: string) => readFileSync(path, 'utf8') }
  const { problems, config, secrets } = check(source, { registry, baseDir: dir, sources })
  const errors = problems.some(problem => problem.severity === 'error')
  expect(config === undefined).toBe(errors)
  const texts = problems.map(problem => formatProblem(problem, source.text, secrets, createPaint(false)))
  const text = `${[...texts, countProblems(problems)].join('\n\n').replaceAll(`${dir}/`, '')}\n`
  said.set(name, text)
  return text
}

describe('a broken configuration', () => {
  test.each(names)('%s says what, where, why and what to do', name => {
    const golden = join(dir, `${name}.txt`)
    const actual = words(name)
    if (UPDATE) writeFileSync(golden, actual)
    expect(actual).toBe(readFileSync(golden, 'utf8'))
    expect(actual).not.toContain(SECRET)
    expect(actual).not.toMatch(/guest:guest|\bat .*\.ts:|undefined|\[object|NaN/)
  })

  test('there are at least sixty of them, and none has nothing to say', () => {
    expect(names.length).toBeGreaterThanOrEqual(60)
    for (const name of names) expect(said.get(name)).toMatch(/^\S+\.yaml:\d+:\d+ (error|warning): /)
  })
})
