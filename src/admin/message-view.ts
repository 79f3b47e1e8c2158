import { type Static, Type } from 'typebox'
import { type HeaderValue, plain } from '../core/header-value.ts'
import type { HeaderEntry } from '../core/headers.ts'
import type { Message } from '../core/message.ts'
import { plainJson, utf8 } from '../core/plain-json.ts'
import { Closed } from '../core/schema.ts'
import { MASK, type NameRedactor } from './redaction.ts'

export const BodySchema = Closed(
  {
    bytes: Type.Union([Type.Integer({ minimum: 0 }), Type.Null()], { description: 'Size; null = a tombstone.' }),
    json: Type.Optional(Type.Unknown({ description: 'The body, where it is JSON; fields hidden by name.' })),
    text: Type.Optional(Type.String({ description: 'Else the body as text, or the beginning of it.' })),
    base64: Type.Optional(Type.String({ description: 'Else its bytes, or the first of them.' })),
    cut: Type.Optional(Type.Boolean({ description: 'There is more of it.' })),
  },
  { title: 'Body' },
)
export type BodyView = Static<typeof BodySchema>

export const HeadersSchema = Type.Array(
  Closed({ name: Type.String(), value: Type.Unknown() }, { description: 'Values hidden by name are `***`.' }),
)
export type HeadersView = Static<typeof HeadersSchema>

export const MessageSchema = Closed(
  {
    id: Type.String(),
    key: Type.Union([Type.String(), Type.Null()]),
    subject: Type.String(),
    headers: HeadersSchema,
    body: BodySchema,
    timestamp: Type.String({ description: 'ISO 8601.' }),
  },
  { title: 'Message' },
)
export type MessageView = Static<typeof MessageSchema>

/** Larger bodies are not decoded, and so not shown: nothing in them could be hidden by name. */
const MOST_DECODED = 2 ** 20

/** A message for people: at most `most` characters of its body, what must be hidden hidden. */
export function messageView(message: Message, redactor: NameRedactor, most: number): MessageView {
  return {
    id: message.id,
    key: message.keyText,
    subject: message.subject,
    headers: headersView(message.headers.entries, redactor),
    body: bodyView(message.bytes, redactor, most),
    timestamp: new Date(message.timestamp).toISOString(),
  }
}

export function headersView(entries: readonly HeaderEntry[], redactor: NameRedactor): HeadersView {
  const shown = (name: string, value: HeaderValue) =>
    redactor.hides(name) ? MASK : redactor.tree(plainJson(plain(value)))
  return entries.map(([name, value]) => ({ name, value: shown(name, value) }))
}

export function bodyView(bytes: Buffer | null, redactor: NameRedactor, most: number): BodyView {
  if (bytes === null) return { bytes: null }
  const size = { bytes: bytes.length }
  if (bytes.length > MOST_DECODED) return { ...size, text: '', cut: true }
  const text = utf8(bytes)
  if (text === undefined) {
    const cut = bytes.length > most
    return { ...size, base64: bytes.subarray(0, most).toString('base64'), ...(cut && { cut }) }
  }
  const json = parsed(text)
  if (json === undefined) return { ...size, text: text.slice(0, most), ...(text.length > most && { cut: true }) }
  try {
    const shown = redactor.tree(json)
    const whole = JSON.stringify(shown)
    return whole.length > most ? { ...size, text: whole.slice(0, most), cut: true } : { ...size, json: shown }
  } catch {
    // Nested too deeply to be looked through.
    return { ...size, text: '', cut: true }
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
