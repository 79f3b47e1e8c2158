import type { FileResult, TestResult } from '../app/route-tests/run-tests.ts'
import { formatPath } from '../config/problem.ts'
import { Secrets } from '../config/secrets.ts'
import { jsonText } from '../core/json-text.ts'
import type { Paint } from './paint.ts'
import { countProblems, formatProblem } from './report.ts'

/** Values longer than this are cut: what differs deep inside has a line of its own. */
const LONGEST = 2_000

/** A file of tests for a person: a line per test, and below each that failed what was expected and what came, path by path. */
export function fileReport({ file, config, problems, results, secrets }: FileResult, paint: Paint): string {
  const known = secrets ?? new Secrets()
  if (problems.length > 0) {
    const shown = problems.map(
      ([problem, source]) => `${formatProblem(problem, source.textOf(problem.file), known, paint)}\n`,
    )
    const [, first] = problems[0]!
    const what = first.file === file ? file : config
    return [
      ...shown,
      paint.red(`${what} cannot be used: ${countProblems(problems.map(([problem]) => problem))}.`),
    ].join('\n')
  }
  return [paint.bold(file), ...results.map(result => testReport(result, file, paint))].join('\n')
}

function testReport(result: TestResult, file: string, paint: Paint): string {
  const { name, route, line, col, milliseconds, differences } = result
  const title = `${paint.dim(`${route}:`)} ${name}`
  if (differences.length === 0) return `  ${paint.green('ok')}      ${title} ${paint.dim(`(${milliseconds} ms)`)}`
  const lines = differences.flatMap(({ path, expected, got, note, line: at }) => {
    const head = `    ${paint.bold(formatPath(path.slice(1)) || 'expect')} ${paint.dim(`(line ${at})`)}`
    if (note !== undefined) return [head, `      ${paint.red(note)}`]
    return [
      head,
      `      ${paint.green(`- expected  ${shown(expected)}`)}`,
      `      ${paint.red(`+ got       ${shown(got)}`)}`,
    ]
  })
  return [`  ${paint.red('failed')}  ${title}  ${file}:${line}:${col}`, ...lines].join('\n')
}

function shown(value: unknown): string {
  if (value === undefined) return 'nothing'
  const text = jsonText(value)
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST)}…`
}

/** `3 passed, 1 failed`. */
export function summaryLine(files: readonly FileResult[], paint: Paint): string {
  const tests = files.flatMap(({ results }) => results)
  const failed = tests.filter(({ differences }) => differences.length > 0).length
  const unusable = files.filter(({ problems }) => problems.length > 0).length
  const parts = [`${tests.length - failed} passed`, `${failed} failed`]
  if (unusable > 0) parts.push(`${unusable} file${unusable === 1 ? '' : 's'} not run`)
  return paint[failed + unusable > 0 ? 'red' : 'green'](parts.join(', '))
}
