import { randomUUID } from 'node:crypto'
import { SluiceError } from './errors.ts'
import type { Headers } from './headers.ts'
import { jsonText } from './json-text.ts'

/** How `body` is read from the bytes: JSON, UTF-8 text, or not at all (`body` is the bytes). */
export type Decoding = 'json' | 'text' | 'none'

/** Headers whose names begin so belong to Sluice: hops, dead-letter facts, notes of types. Never a user's. */
export const RESERVED = 'sluice-'
export const HOPS_HEADER = 'sluice-hops'
/** `part/parts route key`: the dedup key of what was published, so that a killed gateway can find out whether it arrived. */
export const DEDUP_HEADER = 'sluice-dedup'

/** On an answer: the error code why there is no other (routes with `reply`). */
export const ERROR_HEADER = 'sluice-error'

/** Where a message was received. */
export interface Origin {
  /** Name of the connection in routes.yaml. */
  readonly connection: string
  /** Queue, topic, subject or stream. */
  readonly address: string
  /** What the source orders by, e.g. the queue or `topic/partition`: the lane under `order: source`. */
  readonly sequence: string
  /** The place in the address, for people and dead letters: delivery tag, `partition:offset`, stream sequence. */
  readonly position: string
  /** How often the broker says it has delivered this message, this time included: 1 = first; brokers that do not count say 1, or 2 when redelivered. */
  readonly attempt: number
  /** An identity that a redelivery of the same message shares (Kafka: topic/partition/offset); undefined if the broker has none. */
  readonly identity?: string | undefined
}

/** The protocol's own properties of a message beyond headers, under neutral names. Only what was really there is set. */
export interface Properties {
  readonly messageId?: string
  readonly contentType?: string
  readonly contentEncoding?: string
  readonly correlationId?: string
  readonly replyTo?: string
  /** Time to live as the protocol spells it (AMQP: milliseconds in a string). */
  readonly expiration?: string
  /** 0–255. */
  readonly priority?: number
  /** AMQP delivery mode: 1 transient, 2 persistent. */
  readonly deliveryMode?: number
  readonly type?: string
  readonly userId?: string
  readonly appId?: string
  readonly clusterId?: string
  /** AMQP timestamp property, seconds, unsigned 64 bit. */
  readonly timestamp?: bigint
}

export interface MessageFields {
  /** Stable identity; default: properties.messageId, else the origin's identity, else a new UUID on first use. */
  readonly id?: string | undefined
  /** Partition/ordering key as received: bytes are kept; null = none. An empty key is not null. */
  readonly key: Buffer | string | null
  /** The name it was routed by: AMQP routing key, Kafka topic, NATS subject, Pulsar topic. */
  readonly subject: string
  readonly headers: Headers
  /** Exactly as received; null is a Kafka tombstone, not an empty message. */
  readonly bytes: Buffer | null
  /** Milliseconds since the epoch: the broker's or producer's time, else the time of receipt. */
  readonly timestamp: number
  readonly properties: Properties
  readonly source: Origin
  readonly decode?: Decoding
}

/** One message. Immutable: transforms answer with a copy made by `with`. */
export class Message {
  readonly key: Buffer | string | null
  readonly subject: string
  readonly headers: Headers
  readonly bytes: Buffer | null
  readonly timestamp: number
  readonly properties: Properties
  readonly source: Origin
  readonly decode: Decoding
  #id: string | undefined
  /** The message as received, of which this is a copy with the same id: an id that nobody asks for is never made. */
  #root: Message | undefined
  #body: unknown
  #decoded = false

  constructor(fields: MessageFields) {
    this.#id = fields.id
    this.key = fields.key
    this.subject = fields.subject
    this.headers = fields.headers
    this.bytes = fields.bytes
    this.timestamp = fields.timestamp
    this.properties = fields.properties
    this.source = fields.source
    this.decode = fields.decode ?? 'json'
  }

  get id(): string {
    return (this.#id ??= this.#root?.id ?? this.properties.messageId ?? this.source.identity ?? randomUUID())
  }

  get contentType(): string | undefined {
    return this.properties.contentType
  }

  /** Bytes of the body; 0 for a tombstone. */
  get size(): number {
    return this.bytes === null ? 0 : this.bytes.length
  }

  /** The decoded body, cached; null for a tombstone. Treat as read-only. Throws BODY_INVALID. */
  get body(): unknown {
    if (!this.#decoded) {
      this.#body = decodeBody(this.bytes, this.decode)
      this.#decoded = true
    }
    return this.#body
  }

  /** The key as text, for lanes and people: bytes that are not UTF-8 are read as latin1. */
  get keyText(): string | null {
    if (this.key === null || typeof this.key === 'string') return this.key
    const text = this.key.toString('utf8')
    return text.includes('\ufffd') ? this.key.toString('latin1') : text
  }

  /** A copy with some fields changed. A new body goes in as `bytes` (see encodeBody). The id stays unless given. */
  with(changes: Partial<MessageFields>): Message {
    const copy = new Message({
      id: changes.id ?? this.#id,
      key: changes.key === undefined ? this.key : changes.key,
      subject: changes.subject ?? this.subject,
      headers: changes.headers ?? this.headers,
      bytes: changes.bytes === undefined ? this.bytes : changes.bytes,
      timestamp: changes.timestamp ?? this.timestamp,
      properties: changes.properties ?? this.properties,
      source: changes.source ?? this.source,
      decode: changes.decode ?? this.decode,
    })
    if (copy.#id === undefined) copy.#root = this.#root ?? this
    if (this.#decoded && copy.bytes === this.bytes && copy.decode === this.decode) {
      copy.#body = this.#body
      copy.#decoded = true
    }
    return copy
  }
}

/** Body bytes for a value: Buffer as it is, string as UTF-8 under `text`/`none`, anything else as JSON; null stays null. */
export function encodeBody(value: unknown, decode: Decoding): Buffer | null {
  if (value === null || value === undefined) return null
  if (value instanceof Uint8Array) return Buffer.isBuffer(value) ? value : Buffer.from(value)
  if (typeof value === 'string' && decode !== 'json') return Buffer.from(value, 'utf8')
  return Buffer.from(jsonText(value), 'utf8')
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true })

function decodeBody(bytes: Buffer | null, decode: Decoding): unknown {
  if (bytes === null || decode === 'none') return bytes
  try {
    const text = strictUtf8.decode(bytes)
    return decode === 'text' ? text : JSON.parse(text)
  } catch (error) {
    const what = decode === 'text' ? 'UTF-8 text' : 'JSON'
    throw new SluiceError('BODY_INVALID', `the body (${bytes.length} bytes) is not ${what}`, { cause: error })
  }
}
