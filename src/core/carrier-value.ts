import { SluiceError } from './errors.ts'
import {
  type Decimal,
  type HeaderList,
  type HeaderTable,
  type HeaderValue,
  Typed,
  type TypeName,
} from './header-value.ts'

// The letters are AMQP 0-9-1's field types as RabbitMQ uses them; X is a long string that is not UTF-8.
const LETTERS = {
  int8: 'b',
  uint8: 'B',
  int16: 's',
  uint16: 'u',
  int32: 'I',
  uint32: 'i',
  int64: 'l',
  float: 'f',
  double: 'd',
  decimal: 'D',
  timestamp: 'T',
  text: 'X',
} as const satisfies Record<TypeName, string>
const NAMES: ReadonlyMap<string, TypeName> = new Map(
  Object.entries(LETTERS).map(([name, letter]) => [letter, name as TypeName]),
)

const MAX_DEPTH = 100

/** How a value travels: its readable form and, where that alone would come back as something else, its type. */
export interface Printed {
  readonly form: string | Buffer | null
  readonly type: string | undefined
}

/** Throws HEADERS_INVALID for values nested deeper than 100 levels. */
export function printValue(value: HeaderValue): Printed {
  if (typeof value === 'string') return { form: value, type: undefined }
  if (value === null) return { form: null, type: undefined }
  if (Buffer.isBuffer(value)) return { form: value, type: 'x' }
  if (value instanceof Typed && value.type === 'text') return { form: value.value as Buffer, type: 'X' }
  if (typeof value === 'object' && !(value instanceof Typed)) {
    const types: string[] = []
    const json = JSON.stringify(toJson(value, types, 0))
    return { form: json, type: Array.isArray(value) ? shorten(types, 'A') : shorten(types, 'F') }
  }
  const type = letter(value)
  return { form: String(leafJson(value)), type }
}

/** The value behind a readable form and its type. Throws RangeError when they do not belong together. */
export function readValue(text: string, type: string): HeaderValue {
  const walk = { types: type, at: 0 }
  const first = type[0]!
  const value =
    first === 'A' || first === 'F' || first === '[' || first === '{'
      ? fromJson(JSON.parse(text), walk, 0)
      : readLeaf(text, first, walk)
  if (walk.at !== type.length) throw new RangeError(`the type "${type}" goes on too long`)
  return value
}

function toJson(value: HeaderValue, types: string[], depth: number): unknown {
  if (depth > MAX_DEPTH) throw new SluiceError('HEADERS_INVALID', `a header is nested deeper than ${MAX_DEPTH} levels`)
  if (value === null || typeof value !== 'object' || Buffer.isBuffer(value) || value instanceof Typed) {
    types.push(letter(value))
    return leafJson(value)
  }
  if (Array.isArray(value)) {
    types.push('[')
    const list = (value as HeaderList).map(inner => toJson(inner, types, depth + 1))
    types.push(']')
    return list
  }
  types.push('{')
  const table: Record<string, unknown> = Object.create(null)
  for (const [name, inner] of Object.entries(value)) table[name] = toJson(inner, types, depth + 1)
  types.push('}')
  return table
}

// What JSON tells by itself needs no list of types.
function shorten(types: readonly string[], short: string): string {
  return types.every(type => '[]{}StVI'.includes(type)) ? short : types.join('')
}

function letter(value: HeaderValue): string {
  switch (typeof value) {
    case 'string':
      return 'S'
    case 'boolean':
      return 't'
    case 'bigint':
      return 'l'
    case 'number':
      return isInt32(value) ? 'I' : 'd'
    default:
      if (value === null) return 'V'
      return value instanceof Typed ? LETTERS[value.type] : 'x'
  }
}

function leafJson(value: HeaderValue): unknown {
  if (typeof value === 'bigint') return integerJson(value)
  if (typeof value === 'number') return numberJson(value)
  if (Buffer.isBuffer(value)) return value.toString('base64')
  if (!(value instanceof Typed)) return value
  const inner = value.value
  if (typeof inner === 'bigint') return integerJson(inner)
  if (typeof inner === 'number') return numberJson(inner)
  return Buffer.isBuffer(inner) ? inner.toString('base64') : decimalText(inner)
}

function fromJson(json: unknown, walk: Walk, depth: number): HeaderValue {
  if (depth > MAX_DEPTH) throw new RangeError('nested too deep')
  const type = walk.types[walk.at]
  if (type === 'A' || type === 'F') {
    walk.at++
    return natural(json, depth)
  }
  if (type === '[') {
    if (!Array.isArray(json)) throw new RangeError('not an array')
    walk.at++
    const list = json.map(inner => fromJson(inner, walk, depth + 1))
    close(walk, ']')
    return list
  }
  if (type === '{') {
    if (typeof json !== 'object' || json === null || Array.isArray(json)) throw new RangeError('not a table')
    walk.at++
    const table: Record<string, HeaderValue> = Object.create(null)
    for (const [name, inner] of Object.entries(json)) table[name] = fromJson(inner, walk, depth + 1)
    close(walk, '}')
    return table as HeaderTable
  }
  return readLeaf(json, type, walk)
}

interface Walk {
  readonly types: string
  at: number
}

function close(walk: Walk, bracket: string): void {
  if (walk.types[walk.at++] !== bracket) throw new RangeError(`"${bracket}" is missing`)
}

function natural(json: unknown, depth: number): HeaderValue {
  if (depth > MAX_DEPTH) throw new RangeError('nested too deep')
  if (json === null || typeof json === 'string' || typeof json === 'boolean' || typeof json === 'number') return json
  if (Array.isArray(json)) return json.map(inner => natural(inner, depth + 1))
  const table: Record<string, HeaderValue> = Object.create(null)
  for (const [name, inner] of Object.entries(json as object)) table[name] = natural(inner, depth + 1)
  return table as HeaderTable
}

function readLeaf(json: unknown, type: string | undefined, walk: Walk): HeaderValue {
  walk.at++
  switch (type) {
    case 'S':
      if (typeof json === 'string') return json
      break
    case 'V':
      if (json === null) return null
      break
    case 't':
      if (json === true || json === 'true') return true
      if (json === false || json === 'false') return false
      break
    case 'x':
      return base64(json)
    case 'X':
      return new Typed('text', base64(json))
    case 'l':
      return integer(json, -(2n ** 63n), 2n ** 63n - 1n)
    case 'T':
      return new Typed('timestamp', integer(json, 0n, 2n ** 64n - 1n))
    case 'D':
      return new Typed('decimal', decimal(json))
    case 'I':
      return whole(json, -(2 ** 31), 2 ** 31 - 1)
    case 'b':
      return new Typed('int8', whole(json, -128, 127))
    case 'B':
      return new Typed('uint8', whole(json, 0, 255))
    case 's':
      return new Typed('int16', whole(json, -32_768, 32_767))
    case 'u':
      return new Typed('uint16', whole(json, 0, 65_535))
    case 'i':
      return new Typed('uint32', whole(json, 0, 2 ** 32 - 1))
    case 'f':
      return new Typed('float', real(json))
    case 'd': {
      const number = real(json)
      return isInt32(number) ? new Typed('double', number) : number
    }
  }
  throw new RangeError(`"${type}" is not the type of what is there`)
}

/** True for a letter that stands alone as the type of a header that is not a table or array. */
export function isLeafType(type: string): boolean {
  return type === 't' || NAMES.has(type)
}

// -0 is no integer here: it must come back as a double.
function isInt32(value: number): boolean {
  return (value | 0) === value && !Object.is(value, -0)
}

function integerJson(value: bigint): number | string {
  return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : String(value)
}

function numberJson(value: number): number | string {
  if (Object.is(value, -0)) return '-0'
  return Number.isFinite(value) ? value : String(value)
}

function decimalText({ places, digits }: Decimal): string {
  const text = String(Math.abs(digits)).padStart(places + 1, '0')
  const sign = digits < 0 ? '-' : ''
  return places === 0 ? sign + text : `${sign}${text.slice(0, -places)}.${text.slice(-places)}`
}

function decimal(json: unknown): Decimal {
  const match = /^(-?)(\d{1,267})(?:\.(\d{1,255}))?$/.exec(String(json))
  const digits = Number(`${match?.[1] ?? ''}${match?.[2] ?? ''}${match?.[3] ?? ''}`)
  if (match === null || !Number.isSafeInteger(digits)) throw new RangeError('not a decimal')
  return { places: match[3]?.length ?? 0, digits: digits === 0 ? 0 : digits }
}

function integer(json: unknown, least: bigint, most: bigint): bigint {
  const text = String(json)
  if (!/^-?\d{1,20}$/.test(text)) throw new RangeError('not an integer')
  const value = BigInt(text)
  if (value < least || value > most) throw new RangeError('out of range')
  return value
}

function whole(json: unknown, least: number, most: number): number {
  return Number(integer(json, BigInt(least), BigInt(most)))
}

function real(json: unknown): number {
  const text = String(json)
  const value = Number(text)
  if (text.trim() === '' || (Number.isNaN(value) && text !== 'NaN')) throw new RangeError('not a number')
  return value
}

function base64(json: unknown): Buffer {
  if (typeof json !== 'string' || !/^[A-Za-z0-9+/]*={0,2}$/.test(json)) throw new RangeError('not base64')
  return Buffer.from(json, 'base64')
}
