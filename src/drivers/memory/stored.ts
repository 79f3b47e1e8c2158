import type { HeaderValue } from '../../core/header-value.ts'
import { Typed } from '../../core/header-value.ts'
import type { Headers } from '../../core/headers.ts'
import type { Message, Properties } from '../../core/message.ts'

/** A message as the broker keeps it. */
export interface Stored {
  readonly id: string
  readonly key: Buffer | string | null
  readonly headers: Headers
  readonly bytes: Buffer | null
  readonly timestamp: number
  readonly properties: Properties
  /** Bytes of body, key and headers. */
  readonly size: number
}

/** @param key replaces the message's own. Throws HEADERS_INVALID when lazily read headers cannot be decoded. */
export function store(message: Message, key: Buffer | string | null = message.key): Stored {
  const { id, headers, bytes, timestamp, properties } = message
  let size = message.size + (key === null ? 0 : Buffer.byteLength(key))
  for (const [name, value] of headers) size += Buffer.byteLength(name) + sizeOf(value)
  return { id, key, headers, bytes, timestamp, properties, size }
}

function sizeOf(value: HeaderValue): number {
  if (typeof value === 'string' || Buffer.isBuffer(value)) return Buffer.byteLength(value)
  if (value === null || typeof value !== 'object') return 8
  if (value instanceof Typed) return Buffer.isBuffer(value.value) ? value.value.length : 8
  if (Array.isArray(value)) return value.reduce((sum: number, inner: HeaderValue) => sum + sizeOf(inner), 0)
  let size = 0
  for (const [name, inner] of Object.entries(value)) size += Buffer.byteLength(name) + sizeOf(inner)
  return size
}

/** FNV-1a over the key's bytes, so that a key always lands in the same partition. */
export function hash(key: Buffer | string): number {
  let value = 0x811c9dc5
  for (const byte of typeof key === 'string' ? Buffer.from(key) : key) value = Math.imul(value ^ byte, 0x01000193)
  return value >>> 0
}
