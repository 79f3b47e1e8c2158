import type { CarriedHeader } from '../../core/carrier.ts'
import { bytesOfText, textOfBytes } from '../../core/raw-text.ts'
import { isBlank, type ReadHeader, type WireHeader } from './header-block.ts'

// Headers that a header block has no room for as they are: values with line breaks, with blanks around them, or null; names
// with blanks, colons, or beyond ASCII. They are percent-encoded, and one note says which (docs/mapping.md, "NATS").

/** The note: items joined by `;`: `name`, `name~2`: the value of the (second) header of that name is encoded; `name=`: it is null; `!name`: the name is. */
export const ENCODED_HEADER = 'sluice-encoded'

const TOKEN = /^[!-$&-9;-~]+$/
// Values that go as they are: no CR, LF or NUL, no blank at either end.
const PLAIN = /^(?![ \t])[^\r\n\0\ud800-\udfff]*(?<![ \t])$/
const MOST_ITEMS = 10_000

/** @param disarm headers that would be a command to the server: their names are encoded too */
export function encodeHeaders(
  list: readonly CarriedHeader[],
  disarm: (name: string) => boolean,
): readonly WireHeader[] {
  if (list.every(([name, value]) => isPlain(name, value) && !disarm(name))) return list as readonly WireHeader[]
  const items: string[] = []
  const counts = new Map<string, number>()
  const wire = list.map(([name, value]): WireHeader => {
    const plainName = isPlainName(name) && !disarm(name)
    const carried = plainName ? name : escapeName(name)
    const count = (counts.get(carried) ?? 0) + 1
    counts.set(carried, count)
    if (!plainName && count === 1) items.push(`!${escapeItem(carried)}`)
    if (isPlainValue(value)) return [carried, value as string | Buffer]
    items.push(`${escapeItem(carried)}${count > 1 ? `~${count}` : ''}${value === null ? '=' : ''}`)
    return [carried, value === null ? '' : percent(typeof value === 'string' ? bytesOfText(value) : value)]
  })
  wire.push([ENCODED_HEADER, items.join(';')])
  return wire
}

/** The reverse. A note that does not parse is a header like any other. */
export function decodeHeaders(list: readonly ReadHeader[]): readonly (readonly [string, Buffer | null])[] {
  const noteAt = list.findIndex(([name]) => name === ENCODED_HEADER)
  if (noteAt < 0) return list
  const note = parse(list[noteAt]![1].toString('latin1'))
  if (note === undefined) return list
  const counts = new Map<string, number>()
  const decoded: (readonly [string, Buffer | null])[] = []
  for (const [at, [carried, value]] of list.entries()) {
    if (at === noteAt) continue
    const count = (counts.get(carried) ?? 0) + 1
    counts.set(carried, count)
    const name = note.names.has(carried) ? unescapeName(carried) : carried
    const how = note.values.get(`${carried}~${count}`)
    decoded.push([name, how === undefined ? value : how === 'null' ? null : unpercent(value)])
  }
  return decoded
}

function isPlain(name: string, value: string | Buffer | null): boolean {
  return isPlainName(name) && isPlainValue(value)
}

function isPlainName(name: string): boolean {
  return TOKEN.test(name) && name !== ENCODED_HEADER
}

function isPlainValue(value: string | Buffer | null): boolean {
  if (value === null) return false
  if (typeof value === 'string') return PLAIN.test(value) || (value.isWellFormed() && isPlainBytes(Buffer.from(value)))
  return isPlainBytes(value)
}

function isPlainBytes(value: Buffer): boolean {
  if (value.length === 0) return true
  if (isBlank(value[0]!) || isBlank(value[value.length - 1]!)) return false
  return !value.includes(10) && !value.includes(13) && !value.includes(0)
}

function percent(bytes: Buffer): string {
  let text = ''
  for (const byte of bytes) text += byte > 32 && byte < 127 && byte !== 37 ? String.fromCharCode(byte) : hex(byte)
  return text
}

function unpercent(value: Buffer): Buffer {
  const text = value.toString('latin1').replace(/%([0-9A-F]{2})/g, (_, code: string) => char(code))
  return Buffer.from(text, 'latin1')
}

// A name of the server's own (`Nats-…`) and that of the note have nothing to encode but their dash.
function escapeName(name: string): string {
  const text = percent(bytesOfText(name)).replaceAll(':', '%3A')
  return TOKEN.test(name) && name.includes('-') ? text.replace('-', '%2D') : text === '' ? '%' : text
}

function unescapeName(carried: string): string {
  if (carried === '%') return ''
  const bytes = Buffer.from(
    carried.replace(/%([0-9A-F]{2})/g, (_, code: string) => char(code)),
    'latin1',
  )
  return textOfBytes(bytes)
}

function escapeItem(name: string): string {
  return name.replace(/[;~=!%]/g, sign => hex(sign.charCodeAt(0)))
}

function hex(byte: number): string {
  return `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
}

function char(code: string): string {
  return String.fromCharCode(Number.parseInt(code, 16))
}

interface Note {
  readonly names: ReadonlySet<string>
  readonly values: ReadonlyMap<string, 'encoded' | 'null'>
}

function parse(text: string): Note | undefined {
  const names = new Set<string>()
  const values = new Map<string, 'encoded' | 'null'>()
  const items = text.split(';', MOST_ITEMS + 1)
  if (items.length > MOST_ITEMS) return undefined
  for (const item of items) {
    const match = /^(?:!([^;~=!]+)|([^;~=!]+)(?:~([1-9]\d{0,5}))?(=?))$/.exec(item)
    if (match === null) return undefined
    const [, encoded, name, count = '1', isNull] = match
    if (encoded !== undefined) names.add(unescapeItem(encoded))
    else values.set(`${unescapeItem(name!)}~${count}`, isNull === '=' ? 'null' : 'encoded')
  }
  return { names, values }
}

function unescapeItem(text: string): string {
  return text.replace(/%([0-9A-F]{2})/g, (_, code: string) => char(code))
}
