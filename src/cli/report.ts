import type { Problem } from '../config/problem.ts'
import type { Secrets } from '../config/secrets.ts'
import type { Paint } from './paint.ts'

const WIDTH = 110

/**
 * A problem for a person: where and what, the line with the place underlined, and what to do. `text` is the file's; the
 * shown line is redacted.
 */
export function formatProblem(problem: Problem, text: string, secrets: Secrets, paint: Paint): string {
  const { file, line, col, severity, message, hint } = problem
  const place = line > 0 ? `${file}:${line}:${col}` : file
  const label = severity === 'error' ? paint.red('error') : paint.yellow('warning')
  const head = `${paint.bold(place)} ${label}: ${message}`
  const shown = line > 0 ? excerpt(problem, text, secrets, paint) : []
  return [head, ...shown, ...(hint === undefined ? [] : [`  ${paint.cyan('hint')}: ${hint}`])].join('\n')
}

function excerpt({ line, col, width }: Problem, text: string, secrets: Secrets, paint: Paint): string[] {
  const raw = text.split('\n')[line - 1]?.replace(/\r$/, '') ?? ''
  if (raw.trim() === '') return []
  // Redacting may change the length: the caret goes by what stands before it once it is redacted.
  const safe = secrets.redactLine(raw)
  const before = safe === raw ? col - 1 : Math.min(secrets.redactLine(raw.slice(0, col - 1)).length, safe.length)
  const cut = safe.length <= WIDTH ? 0 : Math.max(0, before - 60)
  const window = safe.slice(cut, cut + WIDTH)
  const after = safe === raw ? before + width : secrets.redactLine(raw.slice(0, col - 1 + width)).length
  const marks = '^'.repeat(Math.max(1, Math.min(after, cut + window.length) - before))
  const number = String(line)
  const start = cut > 0 ? '…' : ''
  const end = cut + WIDTH < safe.length ? '…' : ''
  return [
    `  ${paint.dim(`${number} |`)} ${start}${window.replace(/\t/g, ' ')}${end}`,
    `  ${' '.repeat(number.length)} ${paint.dim('|')} ${' '.repeat(before - cut + start.length)}${paint.red(marks)}`,
  ]
}

/** `2 errors and 1 warning`. */
export function countProblems(problems: readonly Problem[]): string {
  const errors = problems.filter(problem => problem.severity === 'error').length
  const parts = [plural(errors, 'error'), plural(problems.length - errors, 'warning')]
  return parts.filter(part => part !== undefined).join(' and ')
}

const plural = (count: number, noun: string): string | undefined =>
  count === 0 ? undefined : `${count} ${noun}${count === 1 ? '' : 's'}`
