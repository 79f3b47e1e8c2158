import { type HeaderValue, plain } from '../core/header-value.ts'
import { plainJson, utf8 } from '../core/plain-json.ts'
import type { DeadLetter } from '../engine/letter.ts'
import type { Paint } from './paint.ts'
import { oneLine, printable } from './printable.ts'

const MOST_BODY = 4_096

// Room for the longest of the usual codes, so that what follows stands in columns.
const CODE_WIDTH = 'ATTEMPTS_EXHAUSTED'.length

/** One dead letter in one line: when, why, which, what; cut to `width` where a terminal shows it. */
export function letterLine(letter: DeadLetter, paint: Paint, width = Number.POSITIVE_INFINITY): string {
  const { lastFailure, reason, id, key, attempts, message, bytes } = letter
  const facts = [
    `id=${id}`,
    ...(key === null ? [] : [`key=${text(key)}`]),
    ...(attempts > 1 ? [`attempts=${attempts}`] : []),
    bytes === null ? 'no body' : `${bytes.length} B`,
  ]
  const when = time(lastFailure).replace(/\.\d+Z$/, 'Z')
  const why = (reason || 'UNKNOWN').padEnd(CODE_WIDTH)
  const rest = `${facts.join(' ')}  ${oneLine(message)}`
  const room = width - `${when}  ${why}  `.length
  return [
    paint.dim(when),
    paint.red(why),
    rest.length <= room ? rest : `${rest.slice(0, Math.max(0, room - 1))}…`,
  ].join('  ')
}

/** Everything about one dead letter, a field per line, the body last. */
export function letterPage(letter: DeadLetter, paint: Paint): string {
  const { source, headers, bytes, key } = letter
  const rows: [string, string][] = [
    ['id', letter.id],
    ['reason', `${letter.reason}: ${oneLine(letter.message)}`],
    ['stage', letter.stage],
    ['attempts', String(letter.attempts)],
    ['failed', [...new Set([letter.firstFailure, letter.lastFailure])].map(time).join(' to ')],
    ['from', `${source.connection} ${source.address} at ${source.position}`],
    ['subject', letter.subject],
    ['key', key === null ? 'none' : text(key)],
    ['time', time(letter.timestamp)],
    ...headers.map(([name, value]): [string, string] => ['header', `${oneLine(name)}: ${headerText(value)}`]),
  ]
  const body = bytes === null ? 'none (a tombstone)' : bytes.length === 0 ? 'empty' : `${bytes.length} bytes`
  const lines = rows.map(([name, value]) => `${paint.bold(name.padEnd(9))} ${value}`)
  return [...lines, `${paint.bold('body'.padEnd(9))} ${body}`, ...(bytes?.length ? [bodyText(bytes)] : []), ''].join(
    '\n',
  )
}

/** For `--json`: bytes that are not UTF-8 as base64, under another name. The body only where asked for. */
export function letterJson(letter: DeadLetter, whole: boolean): object {
  const { bytes, key, headers, firstFailure, lastFailure, timestamp, ...rest } = letter
  return {
    ...rest,
    firstFailure: time(firstFailure),
    lastFailure: time(lastFailure),
    timestamp: time(timestamp),
    ...bytesJson('key', key),
    bytes: bytes?.length ?? null,
    ...(whole
      ? { headers: headers.map(([name, value]) => [name, plainJson(plain(value))]), ...bytesJson('body', bytes) }
      : {}),
  }
}

function bytesJson(name: string, value: Buffer | string | null): object {
  if (value === null || typeof value === 'string') return { [name]: value }
  const decoded = utf8(value)
  return decoded === undefined ? { [`${name}Base64`]: value.toString('base64') } : { [name]: decoded }
}

function headerText(value: HeaderValue): string {
  const shown = plainJson(plain(value))
  return oneLine(typeof shown === 'string' ? shown : JSON.stringify(shown))
}

function bodyText(bytes: Buffer): string {
  const start = bytes.subarray(0, MOST_BODY)
  const shown =
    utf8(bytes) === undefined ? start.toString('hex').replace(/(.{2})/g, '$1 ') : printable(start.toString('utf8'))
  return bytes.length > MOST_BODY ? `${shown} … (${bytes.length - MOST_BODY} bytes more; --json shows all)` : shown
}

const time = (milliseconds: number): string => (milliseconds === 0 ? 'unknown' : new Date(milliseconds).toISOString())
const text = (key: Buffer | string): string =>
  oneLine(typeof key === 'string' ? key : (utf8(key) ?? `0x${key.toString('hex')}`))
