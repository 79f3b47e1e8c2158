/**
 * Types of header values that JavaScript has no type of its own for. The names are AMQP 0-9-1's where it has one.
 * `text` is a string that is not valid UTF-8, held as bytes. `timestamp` is in seconds. `decimal` is digits·10^-places.
 */
export type TypeName =
  | 'int8'
  | 'uint8'
  | 'int16'
  | 'uint16'
  | 'int32'
  | 'uint32'
  | 'int64'
  | 'float'
  | 'double'
  | 'decimal'
  | 'timestamp'
  | 'text'

export interface Decimal {
  readonly places: number
  readonly digits: number
}

/** A value whose exact wire type matters and is not the natural one of its JavaScript type (see HeaderValue). */
export class Typed {
  readonly type: TypeName
  readonly value: number | bigint | Decimal | Buffer
  constructor(type: TypeName, value: number | bigint | Decimal | Buffer) {
    this.type = type
    this.value = value
  }
}

/**
 * A header value. Natural types: string = UTF-8 text · number = int32 where it is an integer in that range, else double ·
 * bigint = int64 · boolean · null = void · Buffer = bytes · array · table (plain object). Anything else is `Typed`.
 */
export type HeaderValue = string | number | bigint | boolean | null | Buffer | Typed | HeaderList | HeaderTable
export type HeaderList = readonly HeaderValue[]
export interface HeaderTable {
  readonly [name: string]: HeaderValue
}

/** The value as ordinary JSON-like data, for expressions and logs: numbers as numbers (bigint where unsafe), bytes as Buffer. */
export function plain(value: HeaderValue): unknown {
  if (typeof value === 'bigint') return narrow(value)
  if (value === null || typeof value !== 'object' || Buffer.isBuffer(value)) return value
  if (value instanceof Typed) {
    const inner = value.value
    if (typeof inner === 'bigint') return narrow(inner)
    if (typeof inner === 'object' && !Buffer.isBuffer(inner)) return inner.digits / 10 ** inner.places
    return inner
  }
  if (Array.isArray(value)) return value.map(plain)
  const table: Record<string, unknown> = Object.create(null)
  for (const [name, inner] of Object.entries(value)) table[name] = plain(inner)
  return table
}

function narrow(value: bigint): number | bigint {
  return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value
}
