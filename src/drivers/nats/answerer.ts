import type { ErrorCode, SluiceError } from '../../core/errors.ts'
import type { Message } from '../../core/message.ts'
import { answering } from '../../core/reply-addressing.ts'
import type { Answer, Answerer } from '../../core/reply-ports.ts'
import { CoreSink } from './core-sink.ts'
import type { WireHeader } from './header-block.ts'
import type { Link } from './link.ts'
import { Targets } from './target.ts'

// By which the clients of NATS know an answer that is an error.
const ERROR_TEXT = 'Nats-Service-Error'
const ERROR_CODE = 'Nats-Service-Error-Code'
/** Services number their errors as HTTP does. */
const NUMBERS: { readonly [code in ErrorCode]?: number } = { REPLY_TIMED_OUT: 504, NO_RESPONDER: 503, UNROUTABLE: 503 }
const REFUSED = 400
const FAILED = 500

// Without `subject` of its own a sink publishes to that of the message.
const OPTIONS = { subject: '${subject}' } as const

/**
 * Answers to the reply subjects of requests. Core NATS does not say whether anybody listens there: an answer that the server
 * has counts as brought, though its requester may be gone.
 */
export class NatsAnswerer implements Answerer {
  readonly #sink: CoreSink
  readonly #errors: WeakMap<Message, SluiceError>

  private constructor(sink: CoreSink, errors: WeakMap<Message, SluiceError>) {
    this.#sink = sink
    this.#errors = errors
  }

  static async open(link: Link, signal: AbortSignal): Promise<NatsAnswerer> {
    const errors = new WeakMap<Message, SluiceError>()
    const targets = new Targets(OPTIONS, message => errorHeaders(errors.get(message)))
    return new NatsAnswerer(await CoreSink.open(link, OPTIONS, signal, targets), errors)
  }

  // `$…` is the server's own: who answers there acks a message of a stream.
  expects(request: Message): boolean {
    const subject = subjectOf(request)
    return subject !== '' && !subject.startsWith('$')
  }

  answer(answers: readonly Answer[], signal: AbortSignal): Promise<readonly (SluiceError | null)[]> {
    const messages = answers.map(({ request, reply, error }) => {
      const { correlationId } = request.properties
      const message = answering(reply, correlationId).with({ subject: subjectOf(request) })
      if (error !== undefined) this.#errors.set(message, error)
      return message
    })
    return this.#sink.publish(messages, signal)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#sink[Symbol.asyncDispose]()
  }
}

const subjectOf = ({ properties }: Message): string => properties.replyTo ?? ''

/** The headers of an error; its text without line breaks, which no header has room for. */
export function errorHeaders(error: SluiceError | undefined): readonly WireHeader[] {
  if (error === undefined) return []
  const number = NUMBERS[error.code] ?? (error.fate === 'poison' ? REFUSED : FAILED)
  const text = error.message
    .toWellFormed()
    .replace(/[\s\0]+/g, ' ')
    .trim()
  return [
    [ERROR_TEXT, `${error.code}: ${text}`],
    [ERROR_CODE, String(number)],
  ]
}
