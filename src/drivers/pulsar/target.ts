import { type CarriedHeader, pack } from '../../core/carrier.ts'
import { asSluiceError, SluiceError } from '../../core/errors.ts'
import { compileTemplate, type Expression } from '../../core/expression.ts'
import type { Headers } from '../../core/headers.ts'
import { textOf } from '../../core/json-text.ts'
import type { Message } from '../../core/message.ts'
import { packProperties } from './properties.ts'
import { isTextKey, keyText } from './record.ts'
import type { SinkOptions } from './sink-options.ts'
import { parseTopic, readTopic, type TopicName } from './topic-name.ts'
import type { Outgoing } from './transport.ts'

// The end of the year 9999: the broker reads event times as ISO 8601.
const LATEST = 253_402_300_799_999
const EMPTY = Buffer.alloc(0)

export type Home = Pick<TopicName, 'tenant' | 'namespace'>

/** Where one message goes, and as what. */
export interface Target {
  readonly topic: TopicName
  readonly outgoing: Outgoing
}

/** Says of each message where it goes. Throws what is wrong with one. */
export interface Addressing {
  of(message: Message): Target
}

/** Evaluates the templates of a sink. */
export class Targets implements Addressing {
  readonly #home: Home
  readonly #topic: Expression
  readonly #fixedTopic: TopicName | undefined
  readonly #key: Expression | undefined
  readonly #orderingKey: Expression | undefined
  readonly #eventTime: Expression | undefined
  readonly #sequenceId: Expression | undefined
  readonly #properties: readonly (readonly [name: string, value: Expression])[]
  readonly #replicateTo: readonly string[] | undefined

  /** @param home where topics are that are given by their last name. Throws OPTIONS_INVALID. */
  constructor(options: SinkOptions, home: Home) {
    const template = (value: string | number | boolean | undefined) =>
      value === undefined ? undefined : compileTemplate(String(value))
    this.#home = home
    this.#topic = compileTemplate(String(options.topic))
    const { constant } = this.#topic
    if (constant !== undefined) this.#fixedTopic = readTopic(String(constant), home)
    this.#key = template(options.key)
    this.#orderingKey = template(options.orderingKey)
    this.#eventTime = template(options.eventTime)
    this.#sequenceId = template(options.sequenceId)
    this.#properties = Object.entries(options.properties ?? {}).map(([name, value]) => [name, template(value)!])
    this.#replicateTo = options.replicateTo
  }

  /** The topic when it is the same for every message. */
  get fixedTopic(): TopicName | undefined {
    return this.#fixedTopic
  }

  /** Throws MESSAGE_REFUSED, HEADERS_INVALID, EXPRESSION_FAILED, BODY_INVALID. */
  of(message: Message): Target {
    try {
      return this.to(this.#fixedTopic ?? topicOf(this.#topic.evaluate(message), this.#home), message)
    } catch (error) {
      throw asSluiceError(error, 'EXPRESSION_FAILED')
    }
  }

  /** The same for a topic that somebody else chose. */
  to(topic: TopicName, message: Message): Target {
    try {
      const at = this.#eventTime === undefined ? own(message.timestamp) : eventTime(this.#eventTime.evaluate(message))
      const facts = {
        isNull: message.bytes === null,
        timestamp: at === undefined ? Math.trunc(message.timestamp) : undefined,
      }
      const key = this.#key === undefined ? message.key : keyOf(this.#key.evaluate(message))
      return {
        topic,
        outgoing: {
          payload: message.bytes ?? EMPTY,
          properties: packProperties(this.#packed(message, topic, key), facts),
          key: keyText(key),
          orderingKey: textOf(this.#orderingKey?.evaluate(message)),
          eventTime: at,
          sequenceId: this.#sequenceId === undefined ? undefined : sequenceId(this.#sequenceId.evaluate(message)),
          replicateTo: this.#replicateTo,
        },
      }
    } catch (error) {
      throw asSluiceError(error, 'EXPRESSION_FAILED')
    }
  }

  #packed(message: Message, topic: TopicName, key: Buffer | string | null): readonly CarriedHeader[] {
    const packed = pack(this.#kept(message.headers), message.properties, {
      subject: message.subject === topic.local ? undefined : message.subject,
      key: isTextKey(key) ? undefined : key,
    })
    for (const [name, value] of this.#properties) {
      const header: CarriedHeader = [name, headerOf(value.evaluate(message))]
      const at = packed.findIndex(entry => entry[0] === name)
      if (at < 0) packed.push(header)
      else packed[at] = header
    }
    return packed
  }

  // What is replaced must leave no note of its type behind, nor values of its name.
  #kept(headers: Headers): Headers {
    for (const [name] of this.#properties)
      if (headers.entries.some(entry => entry[0] === name)) headers = headers.with(name, '')
    return headers
  }
}

/** Throws MESSAGE_REFUSED. */
export function topicOf(value: unknown, home: Home): TopicName {
  const topic = parseTopic(textOf(value) ?? '', home)
  if (topic !== undefined) return topic
  throw new SluiceError('MESSAGE_REFUSED', `"${(textOf(value) ?? '').slice(0, 250)}" cannot be the name of a topic`, {
    hint: 'Write `orders`, `tenant/namespace/orders` or `persistent://tenant/namespace/orders`.',
  })
}

/** Nothing is no key; lists and records are their JSON. */
function keyOf(value: unknown): Buffer | string | null {
  if (value instanceof Uint8Array) return Buffer.isBuffer(value) ? value : Buffer.from(value)
  return textOf(value) ?? null
}

function headerOf(value: unknown): string | Buffer | null {
  if (value instanceof Uint8Array) return Buffer.isBuffer(value) ? value : Buffer.from(value)
  return textOf(value) ?? null
}

export function eventTime(value: unknown): number {
  const ms = typeof value === 'number' ? value : new Date(String(value)).getTime()
  if (Number.isNaN(ms) || ms < 1 || ms > LATEST)
    throw new SluiceError('MESSAGE_REFUSED', `${textOf(value) ?? 'nothing'} cannot be an event time`)
  return Math.trunc(ms)
}

// Pulsar's event time 0 is none.
function own(ms: number): number | undefined {
  return ms >= 1 && ms <= LATEST ? Math.trunc(ms) : undefined
}

export function sequenceId(value: unknown): number {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
  if (typeof number !== 'number' || !Number.isSafeInteger(number) || number < 0)
    throw new SluiceError('MESSAGE_REFUSED', `${textOf(value) ?? 'nothing'} cannot be a sequence id`)
  return number
}
