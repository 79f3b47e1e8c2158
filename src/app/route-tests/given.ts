import type { RouteConfig } from '../../config/schema.ts'
import type { HeaderValue } from '../../core/header-value.ts'
import type { HeaderEntry } from '../../core/headers.ts'
import { Headers } from '../../core/headers.ts'
import { encodeBody, Message, type Properties } from '../../core/message.ts'
import { bytes } from '../../core/schema.ts'
import type { GivenMessage } from './test-schema.ts'

/**
 * The message that a source would have handed over.
 * @param position counted from 1
 * Throws OPTIONS_INVALID for a time that is none.
 */
export function givenMessage(given: GivenMessage, route: RouteConfig, position: number): Message {
  const { key = null, timestamp, properties = {}, headers = {}, source = {} } = given
  const address = source.address ?? addressOf(route)
  return new Message({
    id: given.id ?? properties.messageId ?? `message-${position}`,
    key: typeof key === 'object' && key !== null ? Buffer.from(key.base64, 'base64') : key,
    subject: given.subject ?? address,
    headers: new Headers(Object.entries(headers).map(([name, value]): HeaderEntry => [name, headerValue(value)])),
    bytes: bodyOf(given),
    timestamp: timestamp === undefined ? Date.now() : new Date(timestamp).getTime(),
    properties: propertiesOf(properties),
    source: {
      connection: route.from.connection,
      address,
      sequence: source.sequence ?? address,
      position: source.position ?? String(position),
      attempt: given.attempt ?? 1,
    },
  })
}

function bodyOf({ body, text, base64, size }: GivenMessage): Buffer | null {
  if (text !== undefined) return Buffer.from(text, 'utf8')
  if (base64 !== undefined) return Buffer.from(base64, 'base64')
  if (size !== undefined) return Buffer.alloc(bytes(size), 'x')
  return body === undefined ? Buffer.alloc(0) : encodeBody(body, 'json')
}

function propertiesOf({ timestamp, ...rest }: NonNullable<GivenMessage['properties']>): Properties {
  return timestamp === undefined ? rest : { ...rest, timestamp: BigInt(timestamp) }
}

function headerValue(value: unknown): HeaderValue {
  if (typeof value !== 'object' || value === null) return value as HeaderValue
  if (Array.isArray(value)) return value.map(headerValue)
  if ('base64' in value && Object.keys(value).length === 1) return Buffer.from(String(value.base64), 'base64')
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, headerValue(inner)]))
}

// The first text among the source's options is where it reads from: they are written, and described, in that order.
function addressOf({ from: { connection, options } }: RouteConfig): string {
  for (const value of Object.values(options).flat()) if (typeof value === 'string' && value !== '') return value
  return connection
}
