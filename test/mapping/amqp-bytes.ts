// AMQP 0-9-1 message content at the level of its bytes, written from the specification and RabbitMQ's errata page alone:
// the tests of the mapping must not see through the eyes of the codecs they judge.

/** A field of a header table; the payload is as it stands on the wire, lengths included. */
export interface Field {
  readonly name: Buffer
  readonly tag: string
  readonly payload: Buffer
}

/** A message as it is published or delivered. Properties by their AMQP names, as they stand on the wire. */
export interface Content {
  readonly routingKey: Buffer
  readonly properties: ReadonlyMap<string, Buffer>
  readonly fields: readonly Field[]
  readonly body: Buffer
}

type Shape = 'short' | 'octet' | 'eight' | 'table'
const SHAPES: readonly (readonly [name: string, shape: Shape])[] = [
  ['content-type', 'short'],
  ['content-encoding', 'short'],
  ['headers', 'table'],
  ['delivery-mode', 'octet'],
  ['priority', 'octet'],
  ['correlation-id', 'short'],
  ['reply-to', 'short'],
  ['expiration', 'short'],
  ['message-id', 'short'],
  ['timestamp', 'eight'],
  ['type', 'short'],
  ['user-id', 'short'],
  ['app-id', 'short'],
  ['cluster-id', 'short'],
]

const FIXED: Readonly<Record<string, number>> = {
  t: 1,
  b: 1,
  B: 1,
  s: 2,
  u: 2,
  I: 4,
  i: 4,
  l: 8,
  f: 4,
  d: 8,
  T: 8,
  D: 5,
  V: 0,
}

export function short(text: string | Buffer): Buffer {
  const bytes = Buffer.from(text)
  if (bytes.length > 255) throw new Error('a short string has at most 255 bytes')
  return Buffer.concat([Buffer.from([bytes.length]), bytes])
}

export function long(bytes: string | Buffer): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(Buffer.byteLength(bytes))
  return Buffer.concat([length, Buffer.from(bytes)])
}

export function encodeFields(fields: readonly Field[]): Buffer {
  return Buffer.concat(fields.flatMap(({ name, tag, payload }) => [short(name), Buffer.from(tag), payload]))
}

/** The fields of a table, of which `bytes` has no length in front. */
export function splitFields(bytes: Buffer): Field[] {
  const fields: Field[] = []
  for (let at = 0; at < bytes.length; ) {
    const end = at + 1 + bytes[at]!
    const name = bytes.subarray(at + 1, end)
    const tag = String.fromCharCode(bytes[end]!)
    const size = FIXED[tag] ?? 4 + bytes.readUInt32BE(end + 1)
    at = end + 1 + size
    if (at > bytes.length) throw new Error(`the field ${name} ends beyond its table`)
    fields.push({ name, tag, payload: bytes.subarray(end + 1, at) })
  }
  return fields
}

/** Property flags and values, as in a content header frame behind class, weight and size. */
export function encodeProperties({ properties, fields }: Content): Buffer {
  let flags = 0
  const parts: Buffer[] = []
  for (const [i, [name]] of SHAPES.entries()) {
    const value =
      name === 'headers' ? (fields.length > 0 ? long(encodeFields(fields)) : undefined) : properties.get(name)
    if (value === undefined) continue
    flags |= 0x8000 >> i
    parts.push(value)
  }
  return Buffer.concat([Buffer.from([flags >> 8, flags & 0xff]), ...parts])
}

export function decodeProperties(bytes: Buffer): Pick<Content, 'properties' | 'fields'> {
  const flags = bytes.readUInt16BE(0)
  const properties = new Map<string, Buffer>()
  let fields: Field[] = []
  let at = 2
  for (const [i, [name, shape]] of SHAPES.entries()) {
    if ((flags & (0x8000 >> i)) === 0) continue
    const size = { short: 1 + bytes[at]!, octet: 1, eight: 8, table: 0 }[shape] || 4 + bytes.readUInt32BE(at)
    if (shape === 'table') fields = splitFields(bytes.subarray(at + 4, at + size))
    else properties.set(name, bytes.subarray(at, at + size))
    at += size
  }
  if (at !== bytes.length) throw new Error(`${bytes.length - at} bytes stand behind the properties`)
  return { properties, fields }
}

/** As a test compares it and a person reads it: one line per property and header. */
export interface Shown {
  readonly routingKey: string
  readonly properties: Readonly<Record<string, string>>
  readonly headers: readonly string[]
  readonly body: string
}

export function show({ routingKey, properties, fields, body }: Content, hide: (name: string) => boolean): Shown {
  return {
    routingKey: routingKey.toString('latin1'),
    properties: Object.fromEntries([...properties].map(([name, value]) => [name, value.toString('latin1')])),
    headers: fields.filter(({ name }) => !hide(name.toString())).map(showField),
    body: body.toString('latin1'),
  }
}

export function showField({ name, tag, payload }: Field): string {
  return `${name.toString('latin1')} ${showValue(tag, payload)}`
}

function showValue(tag: string, payload: Buffer): string {
  const inner = payload.subarray(4)
  if (tag === 'F') return `F{${splitFields(inner).map(showField).join(', ')}}`
  if (tag === 'A')
    return `A[${splitItems(inner)
      .map(one => showValue(one.tag, one.payload))
      .join(', ')}]`
  return tag === 'S' ? `S ${JSON.stringify(inner.toString('latin1'))}` : `${tag} ${payload.toString('hex')}`
}

/** The values of an array, of which `bytes` has no length in front. */
export function splitItems(bytes: Buffer): Pick<Field, 'tag' | 'payload'>[] {
  const items: Pick<Field, 'tag' | 'payload'>[] = []
  for (let at = 0; at < bytes.length; ) {
    const tag = String.fromCharCode(bytes[at]!)
    const size = FIXED[tag] ?? 4 + bytes.readUInt32BE(at + 1)
    items.push({ tag, payload: bytes.subarray(at + 1, at + 1 + size) })
    at += 1 + size
  }
  return items
}
