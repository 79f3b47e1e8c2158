import type { HeaderValue } from '../../core/header-value.ts'

/** What an expression answered as a header value: integers beyond int32 become int64, absent values null. */
export function headerOf(value: unknown): HeaderValue {
  switch (typeof value) {
    case 'string':
    case 'boolean':
    case 'bigint':
      return value
    case 'number':
      return Number.isSafeInteger(value) && (value | 0) !== value ? BigInt(value) : value
    case 'object':
      break
    default:
      return value === undefined ? null : String(value)
  }
  if (value === null) return null
  if (value instanceof Uint8Array) return Buffer.isBuffer(value) ? value : Buffer.from(value)
  if (Array.isArray(value)) return value.map(headerOf)
  const table: Record<string, HeaderValue> = Object.create(null)
  for (const [name, inner] of Object.entries(value as object)) table[name] = headerOf(inner)
  return table
}
