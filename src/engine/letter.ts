import { randomUUID } from 'node:crypto'
import type { HeaderValue } from '../core/header-value.ts'
import { type Message, type Properties, RESERVED } from '../core/message.ts'
import { DEAD_LETTER_HEADERS as H } from './dead-letter.ts'

/** Header that keeps the id a message had before it was redriven: the new one passes every dedup window. */
export const REDRIVEN_HEADER = `${RESERVED}redriven-id`
/** Marks a dead letter that a run of `sluice dlq` has put back to the end of its queue, so that the run knows its own. */
export const KEPT_HEADER = `${RESERVED}dead-kept`

/** A dead letter as read from its target. Facts that the headers lack are empty or 0. */
export interface DeadLetter {
  /** Of the original message. */
  readonly id: string
  readonly route: string
  /** Error code, e.g. `VALIDATION_FAILED`. */
  readonly reason: string
  readonly message: string
  readonly stage: string
  readonly attempts: number
  /** Milliseconds since the epoch. */
  readonly firstFailure: number
  readonly lastFailure: number
  readonly source: { readonly connection: string; readonly address: string; readonly position: string }
  readonly subject: string
  readonly key: Buffer | string | null
  /** The message's own, facts of the failure left out. */
  readonly headers: readonly (readonly [name: string, value: HeaderValue])[]
  readonly bytes: Buffer | null
  /** Of the original message, milliseconds since the epoch. */
  readonly timestamp: number
}

/** Which dead letters; every condition given must hold. */
export interface DeadLetterFilter {
  /** Error codes. */
  readonly reasons?: readonly string[]
  readonly ids?: readonly string[]
  /** Last failure longer ago than this, or less long, in milliseconds. */
  readonly olderThanMs?: number
  readonly newerThanMs?: number
  /** At most so many. */
  readonly limit?: number
}

export function readLetter(message: Message): DeadLetter {
  const { headers } = message
  const text = (name: string) => headers.text(name) ?? ''
  return {
    id: headers.text(H.id) ?? message.id,
    route: text(H.route),
    reason: text(H.code),
    message: text(H.message),
    stage: text(H.stage),
    attempts: Number(text(H.attempts)) || 0,
    firstFailure: Date.parse(text(H.first)) || 0,
    lastFailure: Date.parse(text(H.last)) || 0,
    source: { connection: text(H.connection), address: text(H.address), position: text(H.position) },
    subject: headers.text(H.subject) ?? message.subject,
    key: message.key,
    headers: headers.without(isFact).entries,
    bytes: message.bytes,
    timestamp: originalTime(message),
  }
}

export function matches(letter: DeadLetter, filter: DeadLetterFilter, now: number): boolean {
  const age = now - letter.lastFailure
  if (filter.reasons !== undefined && !filter.reasons.includes(letter.reason)) return false
  if (filter.ids !== undefined && !filter.ids.includes(letter.id)) return false
  if (filter.olderThanMs !== undefined && age < filter.olderThanMs) return false
  return filter.newerThanMs === undefined || age <= filter.newerThanMs
}

/**
 * The message as it was before it failed, ready to pass its route again: the facts are gone, its subject and source are
 * back, and it has a new id, or a dedup window would swallow it.
 */
export function revive(message: Message, setHeaders: readonly (readonly [string, HeaderValue])[]): Message {
  const letter = readLetter(message)
  const id = randomUUID()
  let headers = message.headers.without(isFact).with(REDRIVEN_HEADER, letter.id)
  for (const [name, value] of setHeaders) headers = headers.with(name, value)
  const { source } = message
  return message.with({
    id,
    subject: letter.subject,
    timestamp: letter.timestamp,
    headers,
    properties: {
      ...originalProperties(message),
      ...(message.properties.messageId === undefined ? {} : { messageId: id }),
    },
    source: { ...source, ...letter.source, sequence: source.sequence, attempt: 1 },
  })
}

function originalTime({ headers, timestamp }: Message): number {
  const time = Number(headers.text(H.timestamp) ?? Number.NaN)
  return Number.isFinite(time) ? time : timestamp
}

// What the dead letter had to lay aside to stay (see deadLetter).
function originalProperties({ properties, headers }: Message): Properties {
  const expiration = headers.text(H.expiration)
  const deliveryMode = headers.text(H.deliveryMode)
  return {
    ...properties,
    ...(expiration === undefined ? {} : { expiration }),
    ...(deliveryMode === undefined ? {} : { deliveryMode: Number(deliveryMode) }),
  }
}

function isFact(name: string): boolean {
  return name.startsWith(`${RESERVED}dead-`)
}
