import type { HeaderValue } from '../../core/header-value.ts'
import { Typed } from '../../core/header-value.ts'
import type { Message } from '../../core/message.ts'
import { answering, asking } from '../../core/reply-addressing.ts'

// The names that Spring Kafka has made the custom: requesters and responders of its kind work without a change.
const TOPIC = 'kafka_replyTopic'
const PARTITION = 'kafka_replyPartition'
const CORRELATION = 'kafka_correlationId'
export const REPLY_HEADERS: readonly string[] = [TOPIC, PARTITION, CORRELATION]

/** Where an answer goes. */
export interface ReplyAddress {
  readonly topic: string
  /** undefined = any. */
  readonly partition: number | undefined
}

/**
 * Where a request wants its answer: the custom header, else the property `reply-to`; undefined = nowhere. Throws
 * HEADERS_INVALID when the headers cannot be read.
 */
export function replyAddress({ headers, properties }: Message): ReplyAddress | undefined {
  const topic = headers.text(TOPIC) ?? properties.replyTo
  return topic === undefined || topic === '' ? undefined : { topic, partition: partitionIn(headers.get(PARTITION)) }
}

/** A copy of the request that asks for its answer to come to the topic, in whatever partition. */
export function withReplyTopic(request: Message, topic: string, correlation: string): Message {
  const headers = bare(request).headers.concat([
    [TOPIC, topic],
    [CORRELATION, correlation],
  ])
  return asking(request.with({ headers }), topic, correlation)
}

/** A copy of an answer under the correlation of its request, whose bytes may be any. */
export function withCorrelation(reply: Message, request: Message): Message {
  const correlation = request.headers.get(CORRELATION)
  const clean = answering(bare(reply), request.properties.correlationId)
  return correlation === undefined ? clean : clean.with({ headers: clean.headers.concat([[CORRELATION, correlation]]) })
}

/** What an answer that came to us answers, and the answer without that. */
export function readReply(reply: Message): { readonly correlation: string; readonly message: Message } {
  const correlation = reply.headers.text(CORRELATION) ?? reply.properties.correlationId ?? ''
  return { correlation, message: answering(bare(reply), undefined) }
}

function bare(message: Message): Message {
  return message.with({ headers: message.headers.without(name => REPLY_HEADERS.includes(name)) })
}

// Four bytes, big-endian, as Spring writes it; or digits, as others would.
function partitionIn(value: HeaderValue | undefined): number | undefined {
  if (value === undefined || value === null) return undefined
  const plain = value instanceof Typed ? value.value : value
  if (typeof plain === 'number' || typeof plain === 'bigint') return Number(plain)
  if (typeof plain !== 'string' && !Buffer.isBuffer(plain)) return undefined
  const bytes = Buffer.from(plain as string)
  if (/^[0-9]{1,9}$/.test(bytes.toString('latin1'))) return Number(bytes.toString('latin1'))
  return bytes.length === 4 && bytes[0]! < 128 ? bytes.readInt32BE() : undefined
}
