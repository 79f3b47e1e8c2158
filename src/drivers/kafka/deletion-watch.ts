import { SluiceError } from '../../core/errors.ts'

const LOOK_EVERY = 3_000
/** kafkajs retries for ever what a deleted topic answers; this long without an answered fetch is worth a look. */
const SILENCE = 3_000

/** Notices that a topic was deleted while it is read. */
export class DeletionWatch implements Disposable {
  readonly #stop = new AbortController()
  readonly #timer: NodeJS.Timeout
  #looking = false
  #missing = 0

  /**
   * @param silentSince when a fetch was answered last, ms since 1970
   * @param look throws ADDRESS_MISSING when a topic is gone, other errors when it cannot be told
   * @param gone called once with that error, when two looks in a row agree
   */
  constructor(
    silentSince: () => number,
    look: (signal: AbortSignal) => Promise<unknown>,
    gone: (error: SluiceError) => void,
  ) {
    this.#timer = setInterval(() => {
      if (this.#looking || Date.now() - silentSince() < SILENCE) return
      this.#looking = true
      void this.#look(look, gone).finally(() => {
        this.#looking = false
      })
    }, LOOK_EVERY)
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
    this.#stop.abort(new SluiceError('ABORTED', 'the source is closed'))
  }

  async #look(look: (signal: AbortSignal) => Promise<unknown>, gone: (error: SluiceError) => void): Promise<void> {
    try {
      await look(this.#stop.signal)
      this.#missing = 0
    } catch (error) {
      if (!(error instanceof SluiceError) || error.code !== 'ADDRESS_MISSING') return
      if (++this.#missing < 2) return
      clearInterval(this.#timer)
      gone(error)
    }
  }
}
