import { isUtf8 } from 'node:buffer'
import { type Content, type Field, splitFields, splitItems } from './amqp-bytes.ts'
import type { KafkaRecord } from './kafka-bytes.ts'

// Messages as docs/mapping.md shows them.

/** A message of RabbitMQ: name and value, behind a header's name its type letter. */
export function printContent({ routingKey, properties, fields, body }: Content): string {
  return columns([
    ['routing key', String(routingKey)],
    ...[...properties].map(([name, value]): [string, string] => [name, printProperty(name, value)]),
    ...fields.map((field): [string, string] => [`header ${field.name}`, printValue(field)]),
    ['body', printBytes(body)],
  ])
}

/** A record of Kafka. */
export function printRecord({ key, value, headers, timestamp }: KafkaRecord): string {
  return columns([
    ['timestamp', String(timestamp)],
    ['key', printBytes(key)],
    ...headers.map(([name, one]): [string, string] => [`header ${name}`, printBytes(one)]),
    ['value', printBytes(value)],
  ])
}

function columns(lines: readonly (readonly [name: string, value: string])[]): string {
  const width = Math.max(...lines.map(([name]) => name.length)) + 2
  return lines.map(([name, value]) => (name.padEnd(width) + value).trimEnd()).join('\n')
}

function printProperty(name: string, value: Buffer): string {
  if (name === 'timestamp') return String(value.readBigUInt64BE(0))
  return name === 'priority' || name === 'delivery-mode' ? String(value[0]) : String(value.subarray(1))
}

function printBytes(bytes: Buffer | null): string {
  if (bytes === null) return 'null'
  return isUtf8(bytes) ? String(bytes) : `0x${bytes.toString('hex')}`
}

function printValue({ tag, payload }: Pick<Field, 'tag' | 'payload'>): string {
  return `${tag} ${value(tag, payload)}`.trimEnd()
}

function value(tag: string, bytes: Buffer): string {
  const inner = bytes.subarray(4)
  if (tag === 'V') return ''
  if (tag === 't') return String(bytes[0] === 1)
  if (tag === 'S') return printBytes(inner)
  if (tag === 'x') return `0x${inner.toString('hex')}`
  if (tag === 'A') return `[${splitItems(inner).map(printValue).join(', ')}]`
  if (tag === 'F')
    return `{${splitFields(inner)
      .map(field => `${field.name}: ${printValue(field)}`)
      .join(', ')}}`
  if (tag === 'D') return (bytes.readUInt32BE(1) / 10 ** bytes[0]!).toFixed(bytes[0])
  if (tag === 'd') return String(bytes.readDoubleBE(0))
  if (tag === 'I') return String(bytes.readInt32BE(0))
  if (tag === 'l') return String(bytes.readBigInt64BE(0))
  throw new Error(`no example has a ${tag}`)
}
