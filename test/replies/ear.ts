import type { SluiceError } from '../../src/core/errors.ts'
import type { Reply, ReplyInbox } from '../../src/core/reply-ports.ts'
import { until } from '../streams/ends.ts'

/** Listens at an inbox until it is closed or its session ends. */
export class Ear implements AsyncDisposable {
  readonly heard: Reply[] = []
  readonly inbox: ReplyInbox
  /** Why the session ended; undefined = it was closed. */
  readonly ended: Promise<SluiceError | undefined>
  readonly #stop = new AbortController()

  constructor(inbox: ReplyInbox) {
    this.inbox = inbox
    this.ended = this.#listen().then(
      () => undefined,
      (error: SluiceError) => error,
    )
  }

  get correlations(): readonly string[] {
    return this.heard.map(({ correlation }) => correlation)
  }

  async #listen(): Promise<void> {
    for await (const replies of this.inbox.receive(this.#stop.signal)) this.heard.push(...replies)
  }

  hears(count: number): Promise<void> {
    return until(
      () => `${count} answers, not ${this.heard.length}`,
      () => this.heard.length >= count,
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.ended
    await this.inbox[Symbol.asyncDispose]()
  }
}
