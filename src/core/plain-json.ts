/** The bytes as text; undefined when they are not UTF-8. */
export function utf8(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return undefined
  }
}

/** A plain value as JSON can say it: big integers as text, bytes as text where they are UTF-8, else as base64. */
export function plainJson(value: unknown): unknown {
  if (typeof value === 'bigint') return String(value)
  if (Buffer.isBuffer(value)) return utf8(value) ?? value.toString('base64')
  if (Array.isArray(value)) return value.map(plainJson)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, plainJson(inner)]))
}
