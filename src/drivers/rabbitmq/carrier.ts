import { PLACES_HEADER } from '../../core/carrier.ts'
import { type HeaderValue, Typed } from '../../core/header-value.ts'
import { type HeaderEntry, Headers } from '../../core/headers.ts'
import { DEDUP_HEADER, HOPS_HEADER, type Message, type Origin, RESERVED } from '../../core/message.ts'
import { bytesOfText, textOfBytes } from '../../core/raw-text.ts'
import { RabbitOrigin } from './origin.ts'
import { decodeTable } from './table-decode.ts'

// Facts of a message that AMQP 0-9-1 has no place for travel in reserved headers (docs/mapping.md). The source takes them
// out again, so no route ever sees them.
const KEY = 'sluice-key'
const NULL = 'sluice-null'
const TIMESTAMP = 'sluice-timestamp'
const ORDER = 'sluice-order'
const PERSISTENT = 'sluice-persistent'
const USER_ID = 'sluice-user-id'
const CARRIERS: ReadonlySet<string> = new Set([KEY, NULL, TIMESTAMP, ORDER, PERSISTENT, USER_ID])
/** Headers of Sluice whose place among the others does not matter. */
const PLACELESS = [HOPS_HEADER, DEDUP_HEADER]
const MARK = Buffer.from(RESERVED, 'latin1')

/**
 * The header table of a message for AMQP: no name twice, reserved headers at the end. Throws HEADERS_INVALID.
 * @param userId a user id that cannot go as the property, which the broker checks against the user of the connection
 */
export function packHeaders(message: Message, userId?: string): readonly HeaderEntry[] {
  const { entries } = message.headers
  const carried = carriedFacts(message)
  if (userId !== undefined)
    carried.push([USER_ID, userId.isWellFormed() ? userId : new Typed('text', bytesOfText(userId))])
  const clean = entries.some(entry => isCarrier(entry[0])) ? entries.filter(entry => !isCarrier(entry[0])) : entries
  if (needsOrder(clean, message.source)) return [...fold(clean), ...carried]
  return carried.length === 0 ? clean : [...clean, ...carried]
}

function carriedFacts(message: Message): HeaderEntry[] {
  const facts: HeaderEntry[] = []
  if (message.key !== null) facts.push([KEY, message.key])
  if (message.bytes === null) facts.push([NULL, true])
  // What RabbitMQ delivered has no other time than AMQP's but that of receipt, which is nothing to hand on.
  if (message.source instanceof RabbitOrigin) return facts
  const { timestamp, deliveryMode } = message.properties
  if (timestamp === undefined || Number(timestamp) * 1000 !== message.timestamp)
    facts.push([TIMESTAMP, BigInt(Math.trunc(message.timestamp))])
  // The sink will say that it is persistent, which the message itself did not.
  if (deliveryMode === undefined) facts.push([PERSISTENT, true])
  return facts
}

function isCarrier(name: string): boolean {
  return name.startsWith(RESERVED) && CARRIERS.has(name)
}

// An AMQP table has each name once, and RabbitMQ 4 sorts it. Messages of a broker whose headers are a list (Kafka, NATS) get
// a note of the order, unless sorting does not change it.
function needsOrder(entries: readonly HeaderEntry[], source: Origin): boolean {
  if (source instanceof RabbitOrigin) return hasRepeats(entries)
  let last: string | undefined
  let seen = 0
  for (const [name] of entries) {
    const own = name.startsWith(RESERVED) ? PLACELESS.indexOf(name) : -1
    if (own >= 0) {
      if (seen & (1 << own)) return true
      seen |= 1 << own
      continue
    }
    // It counts the headers.
    if (name === PLACES_HEADER) return true
    if (last !== undefined && !isBefore(last, name)) return true
    last = name
  }
  return false
}

// In the order of their UTF-8 bytes, which is that of UTF-16 except where surrogates are compared with what is above them.
function isBefore(a: string, b: string): boolean {
  return /[\ud800-\uffff]/.test(a + b) ? Buffer.compare(Buffer.from(a), Buffer.from(b)) < 0 : a < b
}

function hasRepeats(entries: readonly HeaderEntry[]): boolean {
  return entries.length > 1 && new Set(entries.map(entry => entry[0])).size < entries.length
}

// Repeated names become one array value; the note lists the names in their first order.
function fold(entries: readonly HeaderEntry[]): HeaderEntry[] {
  const values = new Map<string, HeaderValue[]>()
  for (const [name, value] of entries) {
    const list = values.get(name)
    if (list === undefined) values.set(name, [value])
    else list.push(value)
  }
  const folded: HeaderEntry[] = []
  for (const [name, list] of values) folded.push([name, list.length === 1 ? list[0]! : list])
  folded.push([ORDER, JSON.stringify(entries.map(entry => entry[0]))])
  return folded
}

export interface Unpacked {
  readonly headers: Headers
  readonly key: Buffer | string | null
  readonly isNull: boolean
  /** Milliseconds since the epoch, when the message carries its own time. */
  readonly timestamp: number | undefined
  /** That it is persistent was said by a sink, not by the message. */
  readonly madePersistent: boolean
  /** The message's user id, where it could not be the property. */
  readonly userId: string | undefined
}

const NO_FACTS = { key: null, isNull: false, timestamp: undefined, madePersistent: false, userId: undefined } as const
const PLAIN: Unpacked = { headers: Headers.EMPTY, ...NO_FACTS }

/**
 * Headers and carried facts of a received table. The table is decoded on first use of the headers, or here when it may
 * hold carried facts. A malformed table shows as HEADERS_INVALID when the headers are used, never here.
 * @param hide names that the broker added for this delivery only
 */
export function unpackHeaders(table: Buffer | undefined, hide?: (name: string) => boolean): Unpacked {
  if (table === undefined) return PLAIN
  const read = () => {
    const entries = decodeTable(table)
    return hide === undefined ? entries : entries.filter(entry => !hide(entry[0]))
  }
  if (!mayCarry(table)) return { headers: new Headers(read), ...NO_FACTS }
  let entries: readonly HeaderEntry[]
  try {
    entries = read()
  } catch {
    return { headers: new Headers(read), ...NO_FACTS }
  }
  const fact = (name: string) => entries.find(entry => entry[0] === name)?.[1]
  const timestamp = fact(TIMESTAMP)
  const userId = textFact(fact(USER_ID))
  const kept = entries.filter(entry => !isCarrier(entry[0]))
  return {
    headers: new Headers(unfold(kept, fact(ORDER))),
    key: textFact(fact(KEY)),
    isNull: fact(NULL) === true,
    timestamp:
      typeof timestamp === 'bigint' ? Number(timestamp) : typeof timestamp === 'number' ? timestamp : undefined,
    madePersistent: fact(PERSISTENT) === true,
    userId: Buffer.isBuffer(userId) ? textOfBytes(userId) : (userId ?? undefined),
  }
}

// A long string or bytes, of which streams of RabbitMQ 4 make a long string that is no text.
function textFact(fact: HeaderValue | undefined): Buffer | string | null {
  const value = fact instanceof Typed && fact.type === 'text' ? fact.value : fact
  return typeof value === 'string' || Buffer.isBuffer(value) ? value : null
}

// Most tables are small, where a loop beats a call into the engine.
function mayCarry(table: Buffer): boolean {
  if (table.length > 256) return table.includes(MARK)
  const last = table.length - MARK.length
  for (let i = 0; i <= last; i++) {
    if (table[i] !== MARK[0]) continue
    let j = 1
    while (j < MARK.length && table[i + j] === MARK[j]) j++
    if (j === MARK.length) return true
  }
  return false
}

// A note that does not fit the headers (somebody changed them on the way) is ignored: they stay as they are.
function unfold(entries: readonly HeaderEntry[], note: HeaderValue | undefined): readonly HeaderEntry[] {
  const names = parseNames(note)
  if (names === undefined) return entries
  const values = new Map(entries)
  const counts = new Map<string, number>()
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1)
  for (const [name, count] of counts) {
    const value = values.get(name)
    if (value === undefined || (count > 1 && !(Array.isArray(value) && value.length === count))) return entries
  }
  const taken = new Map<string, number>()
  const unfolded = names.map((name): HeaderEntry => {
    const value = values.get(name)!
    if (counts.get(name) === 1) return [name, value]
    const index = taken.get(name) ?? 0
    taken.set(name, index + 1)
    return [name, (value as readonly HeaderValue[])[index]!]
  })
  return [...unfolded, ...entries.filter(entry => !counts.has(entry[0]))]
}

function parseNames(note: HeaderValue | undefined): readonly string[] | undefined {
  if (typeof note !== 'string') return undefined
  try {
    const names: unknown = JSON.parse(note)
    return Array.isArray(names) && names.every(name => typeof name === 'string') ? names : undefined
  } catch {
    return undefined
  }
}
