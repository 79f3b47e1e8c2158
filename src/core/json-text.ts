import { isUtf8 } from 'node:buffer'

/**
 * JSON of a value out of a message or an expression. Integers beyond 2^53 (BigInt) are written with all their digits;
 * bytes inside become a string: their UTF-8 text, else base64. Plain values are as fast as JSON.stringify.
 */
export function jsonText(value: unknown): string {
  return needsCare(value) ? JSON.stringify(value, careful) : JSON.stringify(value)
}

// In Node since 21; the compiler's library does not list it yet.
const { rawJSON: rawJson } = JSON as unknown as { rawJSON(text: string): unknown }

function needsCare(value: unknown): boolean {
  if (typeof value === 'bigint') return true
  if (typeof value !== 'object' || value === null) return false
  if (value instanceof Uint8Array) return true
  if (Array.isArray(value)) return value.some(needsCare)
  for (const name in value) if (needsCare((value as Record<string, unknown>)[name])) return true
  return false
}

// `this` is the holder: Buffer has a toJSON that has already replaced `value`.
function careful(this: unknown, name: string, value: unknown): unknown {
  const original = (this as Record<string, unknown>)[name]
  if (typeof original === 'bigint') return rawJson(original.toString())
  if (original instanceof Uint8Array) return bytesText(original)
  return value
}

/** Bytes as text: UTF-8 where they are, else base64. */
export function bytesText(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return isUtf8(buffer) ? buffer.toString('utf8') : buffer.toString('base64')
}

/** A value inside a text: bytes as text, lists and records as JSON; undefined where it has none (null). */
export function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  if (value === null || value === undefined) return undefined
  if (typeof value !== 'object') return String(value)
  return value instanceof Uint8Array ? bytesText(value) : jsonText(value)
}
