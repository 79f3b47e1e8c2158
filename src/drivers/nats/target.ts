import { type CarriedHeader, pack } from '../../core/carrier.ts'
import { asSluiceError, SluiceError } from '../../core/errors.ts'
import { compileTemplate, type Expression } from '../../core/expression.ts'
import { textOf } from '../../core/json-text.ts'
import { type Message, RESERVED } from '../../core/message.ts'
import { encodeHeaders } from './encoded-headers.ts'
import { encodeBlock, type WireHeader } from './header-block.ts'
import { CoreOrigin } from './origin.ts'
import type { SinkOptions } from './sink-options.ts'
import { isSubject, subjectName } from './subject.ts'
import { MADE_ID_HEADER, MESSAGE_ID, NULL_HEADER, TIMESTAMP_HEADER } from './wire-message.ts'

/** A message as it goes over the wire. */
export interface Publication {
  readonly subject: string
  /** Where replies go; empty = nowhere. Core NATS only. */
  readonly reply: string
  readonly block: Buffer
  readonly body: Buffer
  readonly message: Message
}

const EMPTY = Buffer.alloc(0)
/** Headers by which a client commands the server: a message's own are carried without effect. */
const COMMAND = /^nats-/i
const FACTS: ReadonlySet<string> = new Set([NULL_HEADER, TIMESTAMP_HEADER, MADE_ID_HEADER])

/** Evaluates the templates of a sink. */
export class Targets {
  readonly #commands: (message: Message) => readonly WireHeader[]
  readonly #stream: string | undefined
  readonly #subject: Expression
  readonly #fixedSubject: string | undefined
  readonly #key: Expression | undefined
  readonly #messageId: Expression | undefined
  readonly #reply: Expression | undefined
  readonly #headers: readonly (readonly [name: string, value: Expression])[]

  /**
   * Throws OPTIONS_INVALID, MESSAGE_REFUSED for a fixed subject that cannot be one.
   * @param commands headers of a message that go in front as they are, `Nats-…` included
   */
  constructor(options: SinkOptions, commands: (message: Message) => readonly WireHeader[] = () => []) {
    this.#commands = commands
    this.#stream = options.stream
    this.#subject = compileTemplate(String(options.subject))
    const { constant } = this.#subject
    if (constant !== undefined) this.#fixedSubject = subjectName(constant)
    this.#key = options.key === undefined ? undefined : compileTemplate(String(options.key))
    const { messageId, reply } = options
    // The default is not evaluated: it is known.
    this.#messageId = messageId === undefined || messageId === '${id}' ? undefined : compileTemplate(String(messageId))
    this.#reply = reply === undefined ? undefined : compileTemplate(String(reply))
    this.#headers = Object.entries(options.headers ?? {}).map(([name, value]) => [name, compileTemplate(String(value))])
  }

  /** The subject when it is the same for every message. */
  get fixedSubject(): string | undefined {
    return this.#fixedSubject
  }

  /**
   * Throws MESSAGE_REFUSED, HEADERS_INVALID, EXPRESSION_FAILED, BODY_INVALID.
   * @param idSuffix for a message whose id the stream knows as that of another one
   */
  of(message: Message, idSuffix = ''): Publication {
    try {
      const subject = this.#fixedSubject ?? subjectName(this.#subject.evaluate(message))
      const reply = this.#stream === undefined ? this.#replyOf(message) : ''
      return {
        subject,
        reply,
        block: this.#block(message, subject, reply, idSuffix),
        body: message.bytes ?? EMPTY,
        message,
      }
    } catch (error) {
      throw asSluiceError(error, 'EXPRESSION_FAILED')
    }
  }

  #block(message: Message, subject: string, reply: string, idSuffix: string): Buffer {
    const { headers } = message
    const own = headers.size === 0 || !headers.entries.some(([name]) => this.#isReplaced(name))
    let { properties } = message
    if (reply !== '' && properties.replyTo === reply) {
      const { replyTo: _, ...rest } = properties
      properties = rest
    }
    const list: CarriedHeader[] = pack(own ? headers : headers.without(name => this.#isReplaced(name)), properties, {
      subject: message.subject === subject ? undefined : message.subject,
      key: this.#key === undefined ? message.key : toBytes(this.#key.evaluate(message)),
    })
    if (message.bytes === null) list.push([NULL_HEADER, 'true'])
    // Core NATS has no time but that of receipt, which is nothing to hand on.
    if (!(message.source instanceof CoreOrigin)) list.push([TIMESTAMP_HEADER, String(Math.trunc(message.timestamp))])
    const named: WireHeader[] = [...this.#commands(message)]
    if (this.#stream !== undefined) {
      const id = plainId(this.#idOf(message)) + idSuffix
      named.push([MESSAGE_ID, id])
      if (message.properties.messageId !== id) list.push([MADE_ID_HEADER, 'true'])
    }
    if (this.#headers.length === 0) return encodeBlock([...named, ...encodeHeaders(list, isCommand)])
    const rest = list.filter(([name]) => !this.#headers.some(([set]) => set === name))
    return encodeBlock([...named, ...this.#set(message), ...encodeHeaders(rest, isCommand)])
  }

  // What the sink sets stands in front, as the server reads the first of a name.
  #set(message: Message): readonly WireHeader[] {
    return this.#headers.flatMap(([name, template]): WireHeader[] => {
      const value = template.evaluate(message)
      if (value === null || value === undefined) return []
      const header: CarriedHeader = [name, value instanceof Uint8Array ? Buffer.from(value) : (textOf(value) ?? '')]
      const [plain, ...note] = encodeHeaders([header], () => false)
      if (note.length > 0)
        throw new SluiceError('HEADERS_INVALID', `the header ${name} has a name or value that NATS has no room for`)
      return [plain!]
    })
  }

  #isReplaced(name: string): boolean {
    if (this.#headers.some(([set]) => set === name)) return true
    return name.startsWith(RESERVED) && FACTS.has(name)
  }

  #idOf(message: Message): string {
    if (this.#messageId === undefined) return message.id
    return textOf(this.#messageId.evaluate(message)) ?? message.id
  }

  #replyOf(message: Message): string {
    if (this.#reply === undefined) {
      const { replyTo } = message.properties
      // `$…` is the server's own: nobody's replies go there.
      return replyTo !== undefined && isSubject(replyTo) && !replyTo.startsWith('$') ? replyTo : ''
    }
    const reply = textOf(this.#reply.evaluate(message)) ?? ''
    return reply === '' ? '' : subjectName(reply)
  }
}

function isCommand(name: string): boolean {
  return COMMAND.test(name)
}

// An id is compared as the bytes of its header, so what a header has no room for is encoded.
function plainId(id: string): string {
  return /^[!-~]+$/.test(id) ? id : encodeURIComponent(id.toWellFormed()) || '%'
}

/** Nothing is no key; text is its UTF-8; lists and records are their JSON. */
function toBytes(value: unknown): Buffer | null {
  if (value === null || value === undefined) return null
  if (typeof value === 'string') return Buffer.from(value, 'utf8')
  if (value instanceof Uint8Array) return Buffer.isBuffer(value) ? value : Buffer.from(value)
  return Buffer.from(textOf(value)!, 'utf8')
}

/** A stream's own limit for the headers of a message. */
export const STREAM_HEADERS = 65_535

export interface Limits {
  /** Most bytes of headers and body together that the server or the stream takes. */
  readonly total: number
  /** Most bytes of headers. */
  readonly headers: number
}

/** Why a message does not fit, if it does not. */
export function tooLarge({ block, body, subject }: Publication, { total, headers }: Limits): SluiceError | undefined {
  const size = block.length + body.length
  if (block.length > headers)
    return new SluiceError(
      'TOO_LARGE',
      `the headers take ${block.length} bytes, and a stream takes ${headers} at most`,
      {
        hint: 'Remove or shorten headers with `set`.',
      },
    )
  if (size <= total) return undefined
  return new SluiceError(
    'TOO_LARGE',
    `the message takes ${size} bytes with headers, and ${subject} takes ${total} at most`,
    {
      hint: 'Raise `max_payload` of the server or `max_msg_size` of the stream, or keep such messages away.',
    },
  )
}
