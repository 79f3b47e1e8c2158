import { type CarriedHeader, pack } from '../../core/carrier.ts'
import { asSluiceError, SluiceError } from '../../core/errors.ts'
import { compileTemplate, type Expression } from '../../core/expression.ts'
import type { Headers } from '../../core/headers.ts'
import { textOf } from '../../core/json-text.ts'
import type { Message } from '../../core/message.ts'
import type { SinkOptions } from './sink-options.ts'
import { TOPIC_NAME } from './source-options.ts'

const VALID_TOPIC = new RegExp(TOPIC_NAME)
// The end of the year 9999: differences of times stay far below 2^52, up to which the encoding is exact.
const LATEST = 253_402_300_799_999

/** Where one message goes, and as what. */
export interface Target {
  readonly topic: string
  /** Chosen by the route, or undefined: by the key. */
  readonly partition: number | undefined
  readonly key: Buffer | null
  readonly headers: readonly CarriedHeader[]
  readonly timestamp: number
}

/** Says of each message where it goes. */
export interface Addressing {
  /** The topic when it is the same for every message. */
  readonly fixedTopic: string | undefined
  /** Throws MESSAGE_REFUSED, HEADERS_INVALID, EXPRESSION_FAILED, BODY_INVALID. */
  of(message: Message): Target
}

/** Evaluates the templates of a sink. */
export class Targets implements Addressing {
  readonly #topic: Expression
  readonly #fixedTopic: string | undefined
  readonly #key: Expression | undefined
  readonly #partition: Expression | undefined
  readonly #timestamp: Expression | undefined
  readonly #headers: readonly (readonly [name: string, value: Expression])[]

  /** Throws OPTIONS_INVALID. */
  constructor(options: SinkOptions) {
    this.#topic = compileTemplate(String(options.topic))
    const { constant } = this.#topic
    if (constant !== undefined) this.#fixedTopic = topicName(constant)
    this.#key = options.key === undefined ? undefined : compileTemplate(String(options.key))
    this.#partition = options.partition === undefined ? undefined : compileTemplate(String(options.partition))
    this.#timestamp = options.timestamp === undefined ? undefined : compileTemplate(String(options.timestamp))
    this.#headers = Object.entries(options.headers ?? {}).map(([name, value]) => [name, compileTemplate(String(value))])
  }

  get fixedTopic(): string | undefined {
    return this.#fixedTopic
  }

  of(message: Message): Target {
    try {
      const topic = this.#fixedTopic ?? topicName(this.#topic.evaluate(message))
      return {
        topic,
        partition: this.#partition === undefined ? undefined : partitionNumber(this.#partition.evaluate(message)),
        key: this.#key === undefined ? toBytes(message.key) : toBytes(this.#key.evaluate(message)),
        headers: this.#packed(message, topic),
        timestamp: this.#timestamp === undefined ? whole(message.timestamp) : time(this.#timestamp.evaluate(message)),
      }
    } catch (error) {
      throw asSluiceError(error, 'EXPRESSION_FAILED')
    }
  }

  #packed(message: Message, topic: string): readonly CarriedHeader[] {
    const packed = pack(this.#kept(message.headers), message.properties, {
      subject: message.subject === topic ? undefined : message.subject,
    })
    for (const [name, value] of this.#headers) {
      const content = value.evaluate(message)
      const header: CarriedHeader = [name, content === null || content === undefined ? null : toHeader(content)]
      const at = packed.findIndex(entry => entry[0] === name)
      if (at < 0) packed.push(header)
      else packed[at] = header
    }
    return packed
  }

  // What is replaced must leave no note of its type behind, nor values of its name.
  #kept(headers: Headers): Headers {
    for (const [name] of this.#headers)
      if (headers.entries.some(entry => entry[0] === name)) headers = headers.with(name, '')
    return headers
  }
}

export function topicName(value: unknown): string {
  const name = String(value)
  if (!VALID_TOPIC.test(name))
    throw new SluiceError('MESSAGE_REFUSED', `"${name.slice(0, 250)}" cannot be the name of a topic`, {
      hint: 'Names are 1 to 249 letters, digits, dots, dashes and underscores.',
    })
  return name
}

export function partitionNumber(value: unknown): number {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
  if (typeof number !== 'number' || !Number.isInteger(number) || number < 0)
    throw new SluiceError('MESSAGE_REFUSED', `${textOf(value) ?? 'nothing'} cannot be a partition`)
  return number
}

export function time(value: unknown): number {
  const ms = typeof value === 'number' ? value : new Date(String(value)).getTime()
  if (Number.isNaN(ms) || ms < 0 || ms > LATEST)
    throw new SluiceError('MESSAGE_REFUSED', `${textOf(value) ?? 'nothing'} cannot be a timestamp`)
  return Math.trunc(ms)
}

function whole(ms: number): number {
  return ms >= 0 && ms <= LATEST ? Math.trunc(ms) : Date.now()
}

/** Nothing is no key; text is its UTF-8; lists and records are their JSON. */
function toBytes(value: unknown): Buffer | null {
  if (value === null || value === undefined) return null
  if (typeof value === 'string') return Buffer.from(value, 'utf8')
  if (value instanceof Uint8Array) return Buffer.isBuffer(value) ? value : Buffer.from(value)
  return Buffer.from(textOf(value)!, 'utf8')
}

function toHeader(value: unknown): string | Buffer {
  if (typeof value === 'string') return value
  if (value instanceof Uint8Array) return Buffer.isBuffer(value) ? value : Buffer.from(value)
  return textOf(value)!
}
