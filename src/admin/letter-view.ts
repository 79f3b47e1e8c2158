import { type Static, Type } from 'typebox'
import { utf8 } from '../core/plain-json.ts'
import { Closed } from '../core/schema.ts'
import type { DeadLetter } from '../engine/letter.ts'
import { BodySchema, bodyView, HeadersSchema, headersView } from './message-view.ts'
import type { NameRedactor } from './redaction.ts'

/** Characters of a body that are shown. */
const MOST_BODY = 65_536

const Time = Type.Union([Type.String(), Type.Null()], { description: 'ISO 8601; null = unknown.' })
const LETTER = {
  id: Type.String({ description: 'Of the original message.' }),
  route: Type.String(),
  reason: Type.String({ description: 'Error code.' }),
  message: Type.String(),
  stage: Type.String({ description: 'Where on the line it failed.' }),
  attempts: Type.Integer(),
  firstFailure: Time,
  lastFailure: Time,
  source: Closed({ connection: Type.String(), address: Type.String(), position: Type.String() }),
  subject: Type.String(),
  key: Type.Union([Type.String(), Type.Null()]),
  bytes: Type.Union([Type.Integer(), Type.Null()], { description: 'Of the body; null = a tombstone.' }),
  timestamp: Time,
}

export const LetterSchema = Closed(LETTER, { title: 'DeadLetter' })
export type LetterView = Static<typeof LetterSchema>

export const LetterDetailsSchema = Closed(
  { ...LETTER, headers: HeadersSchema, body: BodySchema },
  { title: 'DeadLetterDetails' },
)
export type LetterDetails = Static<typeof LetterDetailsSchema>

export function letterView(letter: DeadLetter): LetterView {
  const { key, bytes, firstFailure, lastFailure, timestamp, headers: _, ...rest } = letter
  return {
    ...rest,
    key: key === null || typeof key === 'string' ? key : (utf8(key) ?? key.toString('base64')),
    bytes: bytes?.length ?? null,
    firstFailure: time(firstFailure),
    lastFailure: time(lastFailure),
    timestamp: time(timestamp),
  }
}

export function letterDetails(letter: DeadLetter, redactor: NameRedactor): LetterDetails {
  return {
    ...letterView(letter),
    headers: headersView(letter.headers, redactor),
    body: bodyView(letter.bytes, redactor, MOST_BODY),
  }
}

/** Whether the text is in what a list shows of the letter. Case does not count. */
export function mentions({ id, reason, message, subject, key, source }: LetterView, text: string): boolean {
  return [id, reason, message, subject, key ?? '', source.address].join('\n').toLowerCase().includes(text.toLowerCase())
}

const time = (milliseconds: number): string | null => (milliseconds === 0 ? null : new Date(milliseconds).toISOString())
