import { existsSync, readdirSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { readSource } from '../../config/load.ts'
import { byPosition, type Issue, type Path, type Problem } from '../../config/problem.ts'
import type { Config } from '../../config/schema.ts'
import type { Source } from '../../config/source.ts'
import { didYouMean } from '../../config/suggestion.ts'
import { Validator } from '../../config/validator.ts'
import type { SchemaView } from '../../config/wording.ts'
import { ERRORS } from '../../core/error-table.ts'
import { SluiceError } from '../../core/errors.ts'
import { templateProblem } from '../../core/expression.ts'
import type { Registry } from '../../core/registry.ts'
import { type Expectation, type RouteTest, TestFile } from './test-schema.ts'

const ENDING = /\.test\.ya?ml$/

/** A file of tests, read and checked against its schema. */
export interface TestSource {
  readonly file: string
  readonly source: Source
  readonly problems: readonly Problem[]
  /** Present when there is no problem. */
  readonly content: TestFile | undefined
  /** The configuration it tests. */
  readonly config: string
}

/** The files of tests beside a configuration: `*.test.yaml` in its folder. */
export function testFilesIn(folder: string): readonly string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .filter(name => ENDING.test(name))
    .toSorted()
    .map(name => join(folder, name))
}

/**
 * @param config what the command line says is tested; else the file's own `config`, else what it is named after
 * Throws CONFIG_MISSING, CONFIG_INVALID.
 */
export function readTests(file: string, config: string | undefined): TestSource {
  const source = readSource(file)
  const issues = source.problems.length > 0 ? [] : issuesOf(source.value)
  const problems = [...source.problems, ...issues.map(issue => source.problem(issue))].toSorted(byPosition)
  const content = problems.length > 0 ? undefined : (source.value as TestFile)
  return { file, source, problems, content, config: config ?? configOf(file, content) }
}

function configOf(file: string, content: TestFile | undefined): string {
  if (content?.config !== undefined) return join(dirname(file), content.config)
  const named = join(dirname(file), basename(file).replace(ENDING, '.yaml'))
  if (existsSync(named)) return named
  return join(dirname(file), 'routes.yaml')
}

function issuesOf(value: unknown): readonly Issue[] {
  if (value === null || value === undefined)
    return [{ path: [], message: 'the file is empty', hint: 'Begin with `version: 1` and `tests:`.' }]
  const { issues } = new Validator().issues(TestFile, value, [], 'none')
  return issues.length > 0 ? issues : (value as TestFile).tests.flatMap((test, at) => testIssues(test, ['tests', at]))
}

const BODIES = ['body', 'text', 'base64', 'size'] as const

function testIssues(test: RouteTest, path: Path): readonly Issue[] {
  const given = Array.isArray(test.given)
    ? test.given.map((one, at) => ({ one, at: ['given', at] }))
    : [{ one: test.given, at: ['given'] }]
  const found = given.flatMap(({ one, at }): Issue[] => {
    const bodies = BODIES.filter(name => name in one)
    const here = [...path, ...at]
    const time = 'timestamp' in one ? one.timestamp : undefined
    return [
      ...(bodies.length > 1
        ? [
            {
              path: [...here, bodies[1]!],
              atKey: true,
              message: `a message has one body, and here are ${bodies.join(' and ')}`,
              hint: 'Keep one of them.',
            },
          ]
        : []),
      ...(time !== undefined && Number.isNaN(new Date(time).getTime())
        ? [
            {
              path: [...here, 'timestamp'],
              message: `"${time}" is no time`,
              hint: 'Write ms since 1970 or e.g. 2026-01-31T12:00:00Z.',
            },
          ]
        : []),
    ]
  })
  return test.expect === 'nothing' ? found : [...found, ...expectIssues(test.expect, [...path, 'expect'])]
}

function expectIssues({ messages = [], deadLetters = [], blocked }: Expectation, path: Path): readonly Issue[] {
  const codes: [string, Path][] = deadLetters.map((one, at) =>
    typeof one === 'string'
      ? [one, [...path, 'deadLetters', at]]
      : [one.reason, [...path, 'deadLetters', at, 'reason']],
  )
  if (blocked !== undefined) codes.push([blocked, [...path, 'blocked']])
  return [
    ...codes
      .filter(([code]) => !(code in ERRORS))
      .map(([code, at]) => ({
        path: at,
        message: `there is no error code ${code}`,
        hint: didYouMean(code, Object.keys(ERRORS)),
      })),
    ...messages.flatMap(({ where }, at): Issue[] => {
      const problem = where === undefined ? undefined : templateProblem(String(where))
      return problem === undefined
        ? []
        : [{ path: [...path, 'messages', at, 'where'], message: problem.message, hint: problem.hint }]
    }),
  ]
}

/** What of the tests does not fit the configuration: routes and options that are not there. */
export function misfits({ source, content }: TestSource, config: Config, registry: Registry): readonly Problem[] {
  const issues = (content?.tests ?? []).flatMap((test, at): Issue[] => {
    const path = ['tests', at]
    const name = test.route ?? content?.route
    if (name === undefined)
      return [
        {
          path: [...path, 'name'],
          message: 'the test names no route',
          hint: 'Add `route: NAME`, here or at the top of the file.',
        },
      ]
    const route = config.routes.get(name)
    if (route === undefined) {
      const place = test.route === undefined ? ['route'] : [...path, 'route']
      return [{ path: place, message: `there is no route "${name}"`, hint: didYouMean(name, config.routes.keys()) }]
    }
    if (test.expect === 'nothing') return []
    const { messages = [], deadLetters = [], blocked } = test.expect
    const here = [...path, 'expect']
    const letters = typeof route.deadLetter === 'object' ? route.deadLetter.connection : undefined
    return [
      ...messages.flatMap((one, nth) =>
        unknownOptions(one.to, [...here, 'messages', nth, 'to'], route.to.connection, config, registry),
      ),
      ...deadLetters.flatMap((one, nth) =>
        typeof one === 'string'
          ? []
          : unknownOptions(one.to, [...here, 'deadLetters', nth, 'to'], letters, config, registry),
      ),
      ...(deadLetters.length > 0 && route.deadLetter === undefined
        ? [
            {
              path: [...here, 'deadLetters'],
              atKey: true,
              message: `the route "${name}" has no deadLetter`,
              hint: 'A poison message blocks its key: expect `blocked: CODE`.',
            },
          ]
        : []),
      ...(blocked !== undefined && route.deadLetter !== undefined
        ? [
            {
              path: [...here, 'blocked'],
              atKey: true,
              message: `the route "${name}" has a deadLetter, so nothing blocks`,
              hint: 'Expect `deadLetters: [CODE]`.',
            },
          ]
        : []),
    ]
  })
  return issues.map(issue => source.problem(issue)).toSorted(byPosition)
}

function unknownOptions(
  to: Readonly<Record<string, unknown>> | undefined,
  path: Path,
  connection: string | undefined,
  config: Config,
  registry: Registry,
): readonly Issue[] {
  const driver = registry.drivers.get(config.connections.get(connection ?? '')?.driver ?? '')
  if (to === undefined || driver === undefined) return []
  const known = ['connection', ...Object.keys((driver.schema.sink as SchemaView).properties ?? {})]
  return Object.keys(to)
    .filter(name => !known.includes(name))
    .map(name => ({
      path: [...path, name],
      atKey: true,
      message: `targets of ${driver.name} have no option "${name}"`,
      hint: didYouMean(name, known),
    }))
}

/** Throws CONFIG_MISSING when there is no file of tests. */
export function demandFiles(files: readonly string[], folder: string): readonly string[] {
  if (files.length > 0) return files
  throw new SluiceError('CONFIG_MISSING', `there are no tests in ${folder}`, {
    hint: 'Write routes.test.yaml beside routes.yaml, or name the files: `sluice test FILE…`.',
  })
}
