import { type HeaderEntry, Headers } from '../../core/headers.ts'
import { RESERVED } from '../../core/message.ts'
import type { DeadLetter } from '../../engine/letter.ts'
import type { PutAside } from './rehearse.ts'
import type { Published } from './stand-in.ts'

/** What is compared: ordinary data, by the names a test uses. Absent: there is none. */
export type Plain = Readonly<Record<string, unknown>>

/** A published message as ordinary data: `base64`, `text` and `body` are three readings of the same bytes. */
export function plainMessage({ message, key, to, preview }: Published): Plain {
  const { id, subject, bytes } = message
  return {
    id,
    key: plainBytes(key),
    subject,
    headers: plainHeaders([...message.headers, ...(preview.headers ?? [])]),
    properties: { ...message.properties, ...preview.properties },
    ...readings(bytes),
    to,
  }
}

/** A dead letter as ordinary data, without the facts of its failure among the headers. */
export function plainLetter({ letter, published }: PutAside): Plain {
  const { reason, message, id, stage, headers, bytes } = letter
  return { reason, message, id, stage, headers: plainHeaders(headers), ...readings(bytes), to: published?.to }
}

// Sluice's own headers are nobody's expectation.
function plainHeaders(entries: DeadLetter['headers'] | readonly HeaderEntry[]): Plain {
  let headers = Headers.EMPTY
  for (const [name, value] of entries) if (!name.startsWith(RESERVED)) headers = headers.with(name, value)
  return Object.fromEntries(Object.entries(headers.view).map(([name, value]) => [name, plainBytes(value)]))
}

function readings(bytes: Buffer | null): Plain {
  if (bytes === null) return { body: null }
  const text = bytes.toString('utf8')
  const isText = Buffer.from(text, 'utf8').equals(bytes)
  return {
    body: isText ? (jsonOf(text) ?? text) : plainBytes(bytes),
    text: isText ? text : undefined,
    base64: bytes.toString('base64'),
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Bytes as text where they are UTF-8, else as `{ base64 }`; lists and mappings inside out; anything else as it is. */
function plainBytes(value: unknown): unknown {
  if (Buffer.isBuffer(value)) {
    const text = value.toString('utf8')
    return Buffer.from(text, 'utf8').equals(value) ? text : { base64: value.toString('base64') }
  }
  if (typeof value === 'bigint') return Number(value)
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(plainBytes)
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, plainBytes(inner)]))
}
