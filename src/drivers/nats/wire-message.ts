import { unpack } from '../../core/carrier.ts'
import { asSluiceError } from '../../core/errors.ts'
import { Headers } from '../../core/headers.ts'
import { Message, type Origin, type Properties, RESERVED } from '../../core/message.ts'
import { textOfBytes } from '../../core/raw-text.ts'
import { decodeHeaders } from './encoded-headers.ts'
import { decodeBlock } from './header-block.ts'
import type { RawMessage } from './raw-message.ts'

/** The id by which a stream knows what it has already. */
export const MESSAGE_ID = 'Nats-Msg-Id'
/** Facts of a message that NATS has no place for; the source takes them out again, so no route sees them. */
export const NULL_HEADER = 'sluice-null'
export const TIMESTAMP_HEADER = 'sluice-timestamp'
/** The `Nats-Msg-Id` is Sluice's choice: the message itself has no such message id. */
export const MADE_ID_HEADER = 'sluice-made-id'

const LATEST = 8.64e15
const NO_PROPERTIES: Properties = Object.freeze({})

type Entry = readonly [name: string, value: Buffer | null]

/** Where and when a message was received. */
export interface Receipt {
  readonly subject: string
  readonly reply: string
  readonly origin: Origin
  /** Milliseconds since the epoch. */
  readonly time: number
}

/** A message from the wire (docs/mapping.md, "NATS"). A malformed header block shows when the headers are used, never here. */
export function toMessage({ block, body }: RawMessage, receipt: Receipt): Message {
  const { subject, reply, origin, time } = receipt
  let list: readonly Entry[]
  try {
    list = decodeHeaders(decodeBlock(block).entries)
  } catch (error) {
    const broken = asSluiceError(error, 'HEADERS_INVALID')
    const headers = new Headers(() => {
      throw broken
    })
    return new Message({
      key: null,
      subject,
      headers,
      bytes: body,
      timestamp: time,
      properties: NO_PROPERTIES,
      source: origin,
    })
  }
  const facts = takeFacts(list)
  const unpacked = unpack(facts.rest)
  const properties = withNative(unpacked.properties, facts, reply)
  return new Message({
    id: properties.messageId ?? facts.id,
    key: unpacked.key,
    subject: unpacked.subject ?? subject,
    headers: unpacked.headers,
    bytes: facts.isNull && body.length === 0 ? null : body,
    timestamp: facts.timestamp ?? time,
    properties,
    source: origin,
  })
}

interface Facts {
  readonly rest: readonly Entry[]
  readonly id: string | undefined
  readonly madeId: boolean
  readonly isNull: boolean
  readonly timestamp: number | undefined
}

function takeFacts(list: readonly Entry[]): Facts {
  let id: string | undefined
  let madeId = false
  let isNull = false
  let timestamp: number | undefined
  let taken: Set<number> | undefined
  let idAt = -1
  let hasMessageId = false
  for (let i = 0; i < list.length; i++) {
    const [name, value] = list[i]!
    if (name === MESSAGE_ID && idAt < 0 && value !== null) {
      idAt = i
      id = textOfBytes(value)
    } else if (name === 'message-id') hasMessageId = true
    else if (name.startsWith(RESERVED)) {
      if (name === NULL_HEADER && value?.toString('latin1') === 'true') isNull = true
      else if (name === MADE_ID_HEADER && value?.toString('latin1') === 'true') madeId = true
      else if (name === TIMESTAMP_HEADER) {
        const time = timeOf(value)
        if (time === undefined) continue
        timestamp = time
      } else continue
      taken ??= new Set()
      taken.add(i)
    }
  }
  // The message id is told by the property: as a header it stays only where it says something else.
  if (idAt >= 0 && (madeId || !hasMessageId || sameId(list, id!))) {
    taken ??= new Set()
    taken.add(idAt)
  }
  const rest = taken === undefined ? list : list.filter((_, i) => !taken.has(i))
  return { rest, id: hasMessageId && !madeId ? undefined : id, madeId, isNull, timestamp }
}

function sameId(list: readonly Entry[], id: string): boolean {
  return list.some(([name, value]) => name === 'message-id' && value !== null && textOfBytes(value) === id)
}

function timeOf(value: Buffer | null): number | undefined {
  if (value === null || value.length > 17) return undefined
  const text = value.toString('latin1')
  const time = Number(text)
  return /^-?\d{1,16}$/.test(text) && Math.abs(time) <= LATEST ? time : undefined
}

function withNative(properties: Properties, { id, madeId }: Facts, reply: string): Properties {
  const messageId = properties.messageId === undefined && id !== undefined && !madeId ? id : undefined
  const replyTo = reply !== '' && properties.replyTo === undefined ? reply : undefined
  if (messageId === undefined && replyTo === undefined) return properties
  return {
    ...properties,
    ...(messageId === undefined ? {} : { messageId }),
    ...(replyTo === undefined ? {} : { replyTo }),
  }
}
