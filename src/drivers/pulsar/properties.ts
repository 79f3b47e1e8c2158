import { isUtf8 } from 'node:buffer'
import type { CarriedHeader } from '../../core/carrier.ts'
import { RANK } from '../../core/carrier-properties.ts'
import { RESERVED } from '../../core/message.ts'

// Pulsar's properties are texts by name: no name twice, no bytes, no null, and no order. What a list of headers has beyond
// that travels in one more property (docs/mapping.md, "Pulsar").

/** JSON list of what the properties do not say: see `pack`. */
export const HEADERS_PROPERTY = 'sluice-headers'
/** The body is null, not empty. */
export const NULL_PROPERTY = 'sluice-null'
/** Milliseconds since 1970, where that is no event time: those begin at 1. */
export const TIME_PROPERTY = 'sluice-timestamp'
const OWN: ReadonlySet<string> = new Set([HEADERS_PROPERTY, NULL_PROPERTY, TIME_PROPERTY])

// An item of the list: a header that is a property of that name, as text (`"name"`), as base64 (`["name"]`) or null
// (`["name", null]`); or one that is no property, with its text (`["name", "text"]`) or base64 (`["name", "…", 1]`).
type Item = string | readonly [string] | readonly [string, string | null] | readonly [string, string, 1]

/** Facts of a message that Pulsar has no place for. */
export interface Facts {
  readonly isNull: boolean
  readonly timestamp: number | undefined
}

/** Properties that carry the list of headers, in which texts stand for their UTF-8. */
export function packProperties(list: readonly CarriedHeader[], facts: Facts): Record<string, string> {
  const properties: Record<string, string> = Object.create(null)
  const items: Item[] = []
  let natural = true
  let last: CarriedHeader | undefined
  for (const header of list) {
    const [name, value] = header
    const text = textOf(value)
    const known = name.toWellFormed()
    if (known in properties || OWN.has(known)) {
      natural = false
      if (value === null) items.push([known, null])
      else items.push(text === undefined ? [known, (value as Buffer).toString('base64'), 1] : [known, text])
      continue
    }
    if (text !== undefined) {
      properties[known] = text
      items.push(known)
    } else {
      natural = false
      properties[known] = value === null ? '' : (value as Buffer).toString('base64')
      items.push(value === null ? [known, null] : [known])
    }
    if (last !== undefined && compare(last[0], known) > 0) natural = false
    last = header
  }
  if (!natural) properties[HEADERS_PROPERTY] = JSON.stringify(items)
  if (facts.isNull) properties[NULL_PROPERTY] = 'true'
  if (facts.timestamp !== undefined) properties[TIME_PROPERTY] = String(facts.timestamp)
  return properties
}

export interface UnpackedProperties extends Facts {
  readonly list: readonly (readonly [name: string, value: Buffer | null])[]
}

/** The reverse. Never throws: a list that does not fit the properties is a property like any other. */
export function unpackProperties(properties: Readonly<Record<string, string>>): UnpackedProperties {
  const isNull = properties[NULL_PROPERTY] === 'true'
  const timestamp = timeOf(properties[TIME_PROPERTY])
  const names = Object.keys(properties).filter(
    name => !(name === NULL_PROPERTY && isNull) && !(name === TIME_PROPERTY && timestamp !== undefined),
  )
  const note = properties[HEADERS_PROPERTY]
  const noted = note === undefined ? undefined : listed(note, properties, names)
  const list = noted ?? names.sort(compare).map(name => [name, Buffer.from(properties[name]!, 'utf8')] as const)
  return { list, isNull, timestamp }
}

function timeOf(text: string | undefined): number | undefined {
  return text !== undefined && /^-?\d{1,16}$/.test(text) ? Number(text) : undefined
}

// The natural order: what the carrier puts in front, in its order; then by name, what is Sluice's own last. Whoever adds a
// property later on (a user of the note) finds it at the end.
function compare(a: string, b: string): number {
  const [left, right] = [rank(a), rank(b)]
  return left === right ? (a < b ? -1 : a > b ? 1 : 0) : left - right
}

function rank(name: string): number {
  return RANK.get(name) ?? (name.startsWith(RESERVED) ? 1_001 : 1_000)
}

function textOf(value: string | Buffer | null): string | undefined {
  if (value === null) return undefined
  if (typeof value === 'string') return value.toWellFormed()
  return isUtf8(value) ? value.toString('utf8') : undefined
}

// Undefined when the note is none of ours, or says something that the properties contradict.
function listed(
  note: string,
  properties: Readonly<Record<string, string>>,
  names: readonly string[],
): (readonly [string, Buffer | null])[] | undefined {
  let items: unknown
  try {
    items = JSON.parse(note)
  } catch {
    return undefined
  }
  if (!Array.isArray(items)) return undefined
  const rest = new Set(names)
  rest.delete(HEADERS_PROPERTY)
  const list: (readonly [string, Buffer | null])[] = []
  for (const item of items) {
    const read = header(item, properties, rest)
    // A transform of somebody else took the property away, or the note is hostile.
    if (read === undefined) return undefined
    list.push(read)
  }
  // What somebody added to a forwarded message comes last.
  for (const name of [...rest].sort(compare)) list.push([name, Buffer.from(properties[name]!, 'utf8')])
  return list
}

function header(
  item: unknown,
  properties: Readonly<Record<string, string>>,
  rest: Set<string>,
): readonly [string, Buffer | null] | undefined {
  const [name, value, bytes] = Array.isArray(item) ? (item as unknown[]) : [item, undefined, undefined]
  if (typeof name !== 'string') return undefined
  if (typeof value === 'string') return [name, Buffer.from(value, bytes === 1 ? 'base64' : 'utf8')]
  const isProperty = rest.delete(name)
  if (value === null) return [name, null]
  if (!isProperty || value !== undefined) return undefined
  return [name, Buffer.from(properties[name]!, Array.isArray(item) ? 'base64' : 'utf8')]
}
