import { setTimeout as sleep } from 'node:timers/promises'
import { SluiceError } from '../../core/errors.ts'
import { Batch } from '../../core/publish-batch.ts'
import { aborting } from '../../core/waiting.ts'
import type { Link } from './link.ts'
import type { Publication } from './publish-frames.ts'
import { Publisher, type PublisherSettings } from './publisher.ts'

const CLOSE_MS = 3_000
/** An internal error of the broker may be a passing one: only the third in a row is blamed on the message. */
const INTERNAL_ERROR = 541
const TRIES = 3
const PAUSE_MS = 500

/** Publishes one message at a time, so that what the broker says about the channel is said about that message. */
export class Suspects implements AsyncDisposable {
  readonly #link: Link
  readonly #settings: PublisherSettings
  #publisher: Publisher | undefined

  /** @param link of its own: it is closed at the end */
  constructor(link: Link, settings: PublisherSettings) {
    this.#link = link
    this.#settings = settings
  }

  /** The result for this message: MESSAGE_REFUSED or TOO_LARGE when the broker ends the channel over it. */
  async publish(publication: Publication, signal: AbortSignal): Promise<SluiceError | null> {
    for (let tries = 1; ; tries++) {
      const publisher = await this.#ready(signal)
      const single = new Batch(1)
      publisher.send(publication, single, 0)
      publisher.flush()
      await aborting(single.done, signal)
      const result = single.results[0]!
      if (result === null || result !== publisher.failure || publisher.blame === undefined) return result
      if (publisher.blame !== INTERNAL_ERROR || tries === TRIES) return refusal(result, tries)
      await sleep(PAUSE_MS, undefined, { signal })
    }
  }

  async #ready(signal: AbortSignal): Promise<Publisher> {
    if (this.#publisher === undefined || this.#publisher.failure !== undefined)
      this.#publisher = await Publisher.open(await this.#link.open(signal), this.#settings, signal)
    return this.#publisher
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#publisher?.close(AbortSignal.timeout(CLOSE_MS))
    await this.#link[Symbol.asyncDispose]()
  }
}

function refusal(error: SluiceError, tries: number): SluiceError {
  const code = /size|larger/i.test(error.message) ? 'TOO_LARGE' : 'MESSAGE_REFUSED'
  const what = tries === 1 ? 'the broker closed the channel over it' : `the broker failed on it ${tries} times`
  return new SluiceError(code, `${what} (${error.message})`, { cause: error })
}
