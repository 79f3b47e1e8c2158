import { SluiceError } from '../../core/errors.ts'
import { abortable } from '../../core/waiting.ts'
import { type ApiError, natsError } from './errors.ts'
import type { OpenLink } from './link.ts'

/** JetStream's request API, as far as Sluice needs it. */
export class Api {
  readonly link: OpenLink

  constructor(link: OpenLink) {
    this.link = link
  }

  /** The subject of a request, e.g. of `STREAM.INFO.ORDERS`. */
  subject(request: string): string {
    return `${this.link.settings.prefix}.${request}`
  }

  /** Asks, and answers what JetStream says. Throws what `natsError` makes of it; the signal's reason when it aborts. */
  async ask<T>(request: string, body: object | undefined, doing: string, signal: AbortSignal): Promise<T> {
    const answer = await this.askOr<T>(request, body, doing, signal)
    if ('missing' in answer) throw natsError(answer.missing, doing)
    return answer.found
  }

  /** The same, where that there is no such stream, consumer or message is an answer too. */
  async askOr<T>(
    request: string,
    body: object | undefined,
    doing: string,
    signal: AbortSignal,
  ): Promise<{ readonly found: T } | { readonly missing: unknown }> {
    if (this.link.lost !== undefined) throw this.link.lost
    const { requestTimeoutMs: timeout } = this.link.settings
    let answer: { error?: ApiError }
    try {
      const payload = body === undefined ? undefined : JSON.stringify(body)
      const message = await abortable(this.link.nc.request(this.subject(request), payload, { timeout }), signal)
      answer = JSON.parse(Buffer.from(message.data).toString('utf8')) as { error?: ApiError }
    } catch (error) {
      signal.throwIfAborted()
      const known = this.link.lost ?? this.#explain(error, doing)
      // A server that does not answer is not waited for with every request: the next one takes a new connection.
      if (known.code === 'TIMED_OUT') this.link.lose(new SluiceError('CONNECTION_LOST', 'the server does not answer'))
      throw known
    }
    if (answer.error === undefined) return { found: answer as T }
    const failure = { api_error: answer.error }
    const code = answer.error.err_code
    if (code === 10_059 || code === 10_014 || code === 10_037) return { missing: failure }
    throw natsError(failure, doing)
  }

  // Nobody listens: for good, or for a moment while a server that has JetStream starts or stops.
  #explain(error: unknown, doing: string): SluiceError {
    const known = natsError(error, doing)
    if (known.code !== 'NOT_SUPPORTED' || this.link.nc.info?.jetstream !== true) return known
    return new SluiceError('UNAVAILABLE', `${doing}: JetStream does not answer`, {
      cause: error,
      hint: 'If that persists: is JetStream enabled for this account, and is `domain` right?',
    })
  }
}
