import { isUtf8 } from 'node:buffer'
import { Occurrences, TypeNote } from './carrier-note.ts'
import { moveToPlaces, type Place, printPlaces } from './carrier-places.ts'
import { CARRIED, RANK, readProperty } from './carrier-properties.ts'
import { printValue, readValue } from './carrier-value.ts'
import { type HeaderValue, Typed } from './header-value.ts'
import { type HeaderEntry, Headers } from './headers.ts'
import { type Properties, RESERVED } from './message.ts'
import { bytesOfText, textOfBytes } from './raw-text.ts'

// Carries headers and properties over brokers whose headers are names with bytes (Kafka, NATS, Pulsar), and back without
// loss: docs/mapping.md, "Carriers of bytes only". What is natural there costs nothing: strings are their UTF-8,
// properties are plain headers. Anything else adds one note, `sluice-types`.

export const TYPES_HEADER = 'sluice-types'
/** The name the message was routed by, where the carrier's own address does not say it. */
export const SUBJECT_HEADER = 'sluice-subject'
/** The ordering key, where the carrier has no place for one. */
export const KEY_HEADER = 'sluice-key'
/** In a message's headers: where its properties stood among them when it came, in case it goes to a carrier again. */
export const PLACES_HEADER = 'sluice-places'
/** Put before a user's header that has a name of the carrier's own. */
const ESCAPE = 'sluice-h-'
const OWN: ReadonlySet<string> = new Set([TYPES_HEADER, SUBJECT_HEADER, KEY_HEADER, PLACES_HEADER])

/** A header as the carrier has it; a string stands for its UTF-8 bytes. */
export type CarriedHeader = readonly [name: string, value: string | Buffer | null]

export interface PackOptions {
  /** Written as `sluice-subject` when given. */
  readonly subject?: string | undefined
  /** Written as `sluice-key` when given and not null; for carriers without keys. */
  readonly key?: Buffer | string | null | undefined
}

/** Headers and properties as an ordered list: properties, then headers in their order. Throws HEADERS_INVALID. */
export function pack(headers: Headers, properties: Properties, options: PackOptions = {}): CarriedHeader[] {
  const list: CarriedHeader[] = []
  for (const { name, property } of CARRIED) {
    const value = properties[property]
    if (value !== undefined) list.push([name, typeof value === 'string' ? carriedText(value) : String(value)])
  }
  const own = list.length
  let note: TypeNote | undefined
  let occurrences: Occurrences | undefined
  let places: string | undefined
  for (const [name, value] of headers.entries) {
    if (name === PLACES_HEADER && typeof value === 'string') {
      places ??= value
      continue
    }
    const carried = name.startsWith(RESERVED) && isOwn(name) ? ESCAPE + name : name
    const { form, type } = typeof value === 'string' ? { form: value, type: undefined } : printValue(value)
    list.push([carried, form])
    // Bytes that are no text come back as bytes without a note.
    if (type !== undefined && !(type === 'x' && !isUtf8(form as Buffer))) {
      note ??= new TypeNote()
      occurrences ??= new Occurrences()
      note.add(carried, occurrences.ofLast(list, own), type)
    } else if (occurrences !== undefined) occurrences.next(carried)
    const rank = RANK.get(name)
    if (
      rank !== undefined &&
      properties[CARRIED[rank]!.property] === undefined &&
      readProperty(rank, form) !== undefined
    ) {
      note ??= new TypeNote()
      note.addPlain(name)
    }
  }
  if (places !== undefined)
    moveToPlaces(list, own, places, ([name, value]) => readProperty(RANK.get(name)!, value) !== undefined)
  if (options.key !== undefined && options.key !== null) list.push([KEY_HEADER, options.key])
  if (options.subject !== undefined) list.push([SUBJECT_HEADER, carriedText(options.subject)])
  if (note !== undefined) list.push([TYPES_HEADER, note.text])
  return list
}

// AMQP's routing keys are any bytes, and short.
function isSubject(value: Buffer): boolean {
  return value.length <= 255 || isUtf8(value)
}

function carriedText(text: string): string | Buffer {
  return text.isWellFormed() ? text : bytesOfText(text)
}

export interface Unpacked {
  readonly headers: Headers
  readonly properties: Properties
  readonly subject: string | undefined
  readonly key: Buffer | null
}

const NO_PROPERTIES: Properties = Object.freeze({})

/**
 * The reverse of `pack`. Text is text where it is valid UTF-8, else bytes. A malformed note is a header like any other.
 * Never throws. Values are decoded when the headers are first looked at.
 */
export function unpack(list: readonly (readonly [name: string, value: Buffer | null])[]): Unpacked {
  for (const [name] of list) if (RANK.has(name) || name.startsWith(RESERVED)) return unpackNoted(list)
  const headers =
    list.length === 0 ? Headers.EMPTY : new Headers(() => list.map(([name, value]) => [name, natural(value)]))
  return { headers, properties: NO_PROPERTIES, subject: undefined, key: null }
}

function unpackNoted(list: readonly (readonly [name: string, value: Buffer | null])[]): Unpacked {
  const noteAt = list.findIndex(([name, value]) => name === TYPES_HEADER && value !== null)
  const note = noteAt < 0 ? undefined : TypeNote.parse(list[noteAt]![1]!.toString('utf8'))
  const properties: Record<string, string | number | bigint> = {}
  const plain: (readonly [name: string, value: Buffer | null])[] = []
  const places: Place[] = []
  let subject: string | undefined
  let key: Buffer | null = null
  let index = 0
  let lastRank = -1
  for (const [at, [name, value]] of list.entries()) {
    if (at === noteAt && note !== undefined) continue
    if (name === SUBJECT_HEADER && subject === undefined && value !== null && isSubject(value)) {
      subject = textOfBytes(value)
      continue
    }
    if (name === KEY_HEADER && key === null && value !== null) {
      key = value
      continue
    }
    const rank = RANK.get(name)
    const property = rank === undefined ? undefined : CARRIED[rank]!.property
    if (rank !== undefined && property !== undefined && !(property in properties) && note?.isPlain(name) !== true) {
      const read = readProperty(rank, value)
      if (read !== undefined) {
        properties[property] = read
        if (plain.length > 0 || places.length > 0 || rank < lastRank) places.push([name, index])
        else lastRank = rank
        index++
        continue
      }
    }
    plain.push([name, value])
    index++
  }
  return {
    headers: new Headers(() => entries(plain, note, places)),
    properties: properties as Properties,
    subject,
    key,
  }
}

function entries(
  plain: readonly (readonly [name: string, value: Buffer | null])[],
  note: TypeNote | undefined,
  places: readonly Place[],
): HeaderEntry[] {
  const occurrences = new Occurrences()
  const list = plain.map(([carried, value]): HeaderEntry => {
    const type = note?.type(carried, occurrences.next(carried))
    return [unescapeName(carried), type === undefined || value === null ? natural(value) : typed(value, type)]
  })
  if (places.length > 0) list.push([PLACES_HEADER, printPlaces(places)])
  return list
}

function unescapeName(carried: string): string {
  if (!carried.startsWith(ESCAPE)) return carried
  const name = carried.slice(ESCAPE.length)
  return isOwn(name) ? name : carried
}

// One of the carrier's own names, escaped or not, as often as may be.
function isOwn(name: string): boolean {
  let at = 0
  while (name.startsWith(ESCAPE, at)) at += ESCAPE.length
  return OWN.has(name.slice(at))
}

function natural(value: Buffer | null): HeaderValue {
  return value !== null && isUtf8(value) ? value.toString('utf8') : value
}

function typed(value: Buffer, type: string): HeaderValue {
  if (type === 'x') return value
  if (type === 'X') return new Typed('text', value)
  try {
    return readValue(value.toString('utf8'), type)
  } catch {
    return natural(value)
  }
}
