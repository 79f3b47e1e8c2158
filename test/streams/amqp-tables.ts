import { createRequire } from 'node:module'
import { dirname, join, sep } from 'node:path'

type Amqplib = typeof import('amqplib')

const require = createRequire(import.meta.url)
const RAW = Symbol('the bytes of a table')

/**
 * A copy of amqplib of its own that keeps the bytes of each header table it decodes: by itself it forgets the types and
 * rounds what is longer than 53 bits.
 */
export function ownAmqplib(): Amqplib {
  const folder = dirname(require.resolve('amqplib'))
  const theirs = Object.entries(require.cache).filter(([path]) => path.startsWith(folder + sep))
  for (const [path] of theirs) delete require.cache[path]
  const codec = require(join(folder, 'lib/codec.js')) as { decodeFields(bytes: Buffer): object }
  const { decodeFields } = codec
  codec.decodeFields = bytes => Object.defineProperty(decodeFields(bytes), RAW, { value: Buffer.from(bytes) })
  const amqplib = require('amqplib') as Amqplib
  for (const path of Object.keys(require.cache)) if (path.startsWith(folder + sep)) delete require.cache[path]
  for (const [path, module] of theirs) require.cache[path] = module
  return amqplib
}

/** One field of a table: its name, its type as the letter on the wire, its value as hexadecimal bytes. */
export type Field = readonly [name: string, type: string, value: string]

/** The fields of a table that was decoded by ownAmqplib, in their order. */
export function fieldsOf(table: object | undefined): readonly Field[] {
  const bytes = (table as { [RAW]?: Buffer } | undefined)?.[RAW]
  if (bytes === undefined) return []
  const fields: Field[] = []
  for (let at = 0; at < bytes.length; ) {
    const nameEnd = at + 1 + bytes[at]!
    const name = bytes.toString('utf8', at + 1, nameEnd)
    const type = String.fromCharCode(bytes[nameEnd]!)
    const begin = nameEnd + 1
    const end = begin + (SIZES[type] ?? 4 + bytes.readUInt32BE(begin))
    fields.push([name, type, bytes.toString('hex', begin, end)])
    at = end
  }
  return fields
}

// Bytes of a value by its type; the others begin with their length in 4 bytes (RabbitMQ's AMQP 0-9-1 errata, section 3).
const SIZES: Readonly<Record<string, number>> = {
  ...{ V: 0, t: 1, b: 1, B: 1, s: 2, u: 2, I: 4, i: 4, f: 4 },
  ...{ D: 5, l: 8, L: 8, d: 8, T: 8 },
}
