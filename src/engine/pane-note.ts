import { deserialize, serialize } from 'node:v8'
import { type HeaderValue, Typed } from '../core/header-value.ts'
import { Headers } from '../core/headers.ts'
import { Message, type MessageFields } from '../core/message.ts'

/** A window that is about to be published, as it is noted before. */
export interface NotedPane {
  /** Keys in the store: of the window, and of the messages in it. */
  readonly key: string
  readonly members: readonly string[]
  readonly lane: string | undefined
  readonly message: Message
}

type Packed = readonly ['plain' | 'list' | 'table' | 'typed', unknown, unknown?]

/** The panes as one text, for Store.writeNote. */
export function packPanes(panes: Iterable<NotedPane>): string {
  const all = Array.from(panes, ({ message, ...rest }) => ({ ...rest, fields: fieldsOf(message) }))
  return all.length === 0 ? '' : serialize(all).toString('base64')
}

/** The panes of a text that `packPanes` made. Throws when it is something else. */
export function unpackPanes(text: string): readonly NotedPane[] {
  if (text === '') return []
  const all = deserialize(Buffer.from(text, 'base64')) as readonly (Omit<NotedPane, 'message'> & {
    readonly fields: Omit<MessageFields, 'headers'> & { readonly headers: readonly (readonly [string, Packed])[] }
  })[]
  return all.map(({ fields, ...rest }) => {
    const headers = new Headers(fields.headers.map(([name, value]) => [name, unpack(value)]))
    const bytes = fields.bytes === null ? null : Buffer.from(fields.bytes)
    return { ...rest, message: new Message({ ...fields, headers, bytes }) }
  })
}

function fieldsOf(message: Message) {
  const { id, key, subject, bytes, timestamp, properties, source, decode } = message
  const { connection, address, sequence, position, attempt } = source
  return {
    ...{ id, key, subject, bytes, timestamp, decode },
    properties: { ...properties },
    source: { connection, address, sequence, position, attempt },
    headers: message.headers.entries.map(([name, value]) => [name, pack(value)] as const),
  }
}

function pack(value: HeaderValue): Packed {
  if (value instanceof Typed) return ['typed', value.type, value.value]
  if (Array.isArray(value)) return ['list', value.map(pack)]
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return ['plain', value]
  return ['table', Object.entries(value).map(([name, inner]) => [name, pack(inner)])]
}

function unpack([kind, first, second]: Packed): HeaderValue {
  if (kind === 'typed') return new Typed(first as Typed['type'], bare(second) as Typed['value'])
  if (kind === 'list') return (first as readonly Packed[]).map(unpack)
  if (kind === 'plain') return bare(first) as HeaderValue
  return Object.fromEntries(
    (first as readonly (readonly [string, Packed])[]).map(([name, inner]) => [name, unpack(inner)]),
  )
}

// Bytes come back as a Uint8Array.
const bare = (value: unknown): unknown =>
  value instanceof Uint8Array && !Buffer.isBuffer(value) ? Buffer.from(value) : value
