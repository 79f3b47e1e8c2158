import type { ConfigSource } from '../../config/config-source.ts'
import type { Problem } from '../../config/problem.ts'
import type { Secrets } from '../../config/secrets.ts'
import { SluiceError } from '../../core/errors.ts'
import type { Log } from '../../core/ports.ts'
import { compose } from '../compose.ts'
import { differences } from './compare.ts'
import type { Difference } from './compare-lists.ts'
import { impossible, rehearse } from './rehearse.ts'
import type { RouteTest } from './test-schema.ts'
import { misfits, readTests } from './test-source.ts'

export interface RunOptions {
  /** What is tested; undefined: what each file says. */
  readonly config: string | undefined
  readonly env: Readonly<Record<string, string | undefined>>
  /** Only tests of this route. */
  readonly route: string | undefined
  readonly log: Log
  /** Longest time for one test, in ms. */
  readonly timeoutMs: number
}

export interface TestResult {
  readonly name: string
  readonly route: string
  /** Place of the test's name. */
  readonly line: number
  readonly col: number
  readonly milliseconds: number
  readonly differences: readonly (Difference & { readonly line: number })[]
}

/** What came of one file of tests. */
export interface FileResult {
  readonly file: string
  readonly config: string
  readonly secrets: Secrets | undefined
  /** What keeps the tests from being run, each with the text it is about. Warnings of the configuration are left out. */
  readonly problems: readonly (readonly [Problem, ConfigSource])[]
  readonly results: readonly TestResult[]
}

/** Runs the tests of one file, in their order, without any broker. Throws CONFIG_MISSING, CONFIG_INVALID for files that cannot be read. */
export async function runTests(file: string, options: RunOptions): Promise<FileResult> {
  const tests = readTests(file, options.config)
  const result = { file, config: tests.config, secrets: undefined, results: [] }
  if (tests.content === undefined) return { ...result, problems: tests.problems.map(one => [one, tests.source]) }
  const composition = await compose(
    tests.config,
    { ...options.env, ...tests.content.env },
    { missingFile: SECRET_FILE },
  )
  const { config, problems, source, secrets, registry, baseDir } = composition
  if (config === undefined) {
    const errors = problems.filter(({ severity }) => severity === 'error')
    return { ...result, secrets, problems: errors.map(one => [one, source]) }
  }
  const wrong = misfits(tests, config, registry)
  if (wrong.length > 0) return { ...result, secrets, problems: wrong.map(one => [one, tests.source]) }
  const stage = { config, registry, baseDir, log: options.log, timeoutMs: options.timeoutMs }
  const results: TestResult[] = []
  for (const [at, test] of tests.content.tests.entries()) {
    const name = (test.route ?? tests.content.route)!
    if (options.route !== undefined && options.route !== name) continue
    const began = performance.now()
    const found = await tried(test, () => {
      const given = Array.isArray(test.given) ? test.given : [test.given]
      return rehearse(config.routes.get(name)!, given, stage)
    })
    const place = (path: Difference['path']) => tests.source.problem({ path: ['tests', at, ...path], message: '' })
    const { line, col } = place(['name'])
    results.push({
      name: test.name,
      route: name,
      line,
      col,
      milliseconds: Math.round(performance.now() - began),
      differences: found.map(one => ({ ...one, line: place(one.path).line })),
    })
  }
  return { ...result, secrets, problems: [], results }
}

async function tried(test: RouteTest, play: () => ReturnType<typeof rehearse>): Promise<readonly Difference[]> {
  try {
    return differences(test, await play())
  } catch (error) {
    return [{ path: ['name'], expected: undefined, got: undefined, note: impossible(error) }]
  }
}

/** What a secret file reads as that is not there: no test needs the real one. */
const SECRET_FILE = 'secret'

/** Throws OPTIONS_INVALID where `--route` names a route of which there is no test. */
export function demandTests(results: readonly FileResult[], route: string | undefined): void {
  if (route === undefined || results.some(({ problems, results: tests }) => problems.length > 0 || tests.length > 0))
    return
  throw new SluiceError('OPTIONS_INVALID', `there is no test of a route "${route}"`)
}
