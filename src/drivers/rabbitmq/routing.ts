import { SluiceError } from '../../core/errors.ts'
import { compileTemplate, type Expression } from '../../core/expression.ts'
import type { HeaderEntry } from '../../core/headers.ts'
import type { Message } from '../../core/message.ts'
import { bytes } from '../../core/schema.ts'
import { packHeaders } from './carrier.ts'
import { headerOf } from './header-of.ts'
import { PropertyRules } from './property-rules.ts'
import type { Publication } from './publish-frames.ts'
import type { SinkOptions } from './sink-options.ts'

const EMPTY = Buffer.alloc(0)

/** How a message becomes a publication: the templates of a sink, compiled once. */
export class Routing {
  readonly #exchange: string
  readonly #routingKey: Expression | undefined
  readonly #headers: readonly (readonly [string, Expression])[]
  readonly #properties: PropertyRules
  readonly #mandatory: boolean
  readonly #maxBytes: number

  /**
   * @param vouchesFor whether the broker would believe that a message is from this user
   * Throws OPTIONS_INVALID for a template that does not compile.
   */
  constructor(options: SinkOptions, vouchesFor: (userId: string) => boolean = () => true) {
    this.#exchange = options.exchange ?? ''
    const key = options.queue ?? options.routingKey
    // A queue's name is a name, not a template.
    if (options.queue !== undefined) this.#routingKey = constant(options.queue)
    else if (key !== undefined) this.#routingKey = compileTemplate(String(key))
    this.#headers = Object.entries(options.headers ?? {}).map(([name, value]) => [name, template(value)])
    this.#properties = new PropertyRules(options, vouchesFor)
    this.#mandatory = (options.mandatory ?? true) && options.unroutable !== 'discard'
    this.#maxBytes = bytes(options.maxMessageSize ?? '16MiB')
  }

  /** Throws TOO_LARGE, HEADERS_INVALID, MESSAGE_REFUSED, EXPRESSION_FAILED. */
  publication(message: Message): Publication {
    if (message.size > this.#maxBytes)
      throw new SluiceError('TOO_LARGE', `the body has ${message.size} bytes; the sink takes ${this.#maxBytes}`, {
        hint: 'Raise `maxMessageSize` of the sink and `max_message_size` of the broker, or keep such messages away.',
      })
    return {
      exchange: this.#exchange,
      routingKey: this.#key(message),
      mandatory: this.#mandatory,
      properties: this.#properties.apply(message),
      headers: this.#headersOf(message),
      body: message.bytes ?? EMPTY,
    }
  }

  #key(message: Message): string {
    if (this.#routingKey === undefined) return message.subject
    const value = this.#routingKey.evaluate(message)
    if (typeof value === 'string') return value
    if (value === null || typeof value === 'object')
      throw new SluiceError('EXPRESSION_FAILED', `routingKey: ${this.#routingKey.source} gives no text`)
    return String(value)
  }

  #headersOf(message: Message): readonly HeaderEntry[] {
    const userId = this.#properties.foreignUserId(message)
    if (this.#headers.length === 0) return packHeaders(message, userId)
    let { headers } = message
    for (const [name, expression] of this.#headers) headers = headers.with(name, headerOf(expression.evaluate(message)))
    return packHeaders(message.with({ headers }), userId)
  }
}

function template(value: string | number | boolean): Expression {
  return typeof value === 'string' ? compileTemplate(value) : constant(value)
}

function constant(value: string | number | boolean): Expression {
  return { source: String(value), reads: new Set(), constant: value, evaluate: () => value }
}
