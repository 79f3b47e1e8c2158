import { request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { SluiceError } from '../../src/core/errors.ts'
import type { Message } from '../../src/core/message.ts'
import type { Delivery, Source } from '../../src/core/ports.ts'

/** A document as a search finds it. */
export interface Hit {
  readonly _id: string
  readonly _source: Readonly<Record<string, unknown>>
  readonly sort: readonly [number]
}

/** Readers that share the documents of one index: each is handed out once, and again when it was not settled. */
export class ReaderGroup {
  readonly #url: URL
  readonly #index: string
  #last = -1
  #ready: Hit[] = []
  readonly #handedOut = new Map<string, number>()
  #looking: Promise<void> | undefined

  constructor(url: string, index: string) {
    this.#url = new URL(url.replace(/^elasticsearch/, 'http'))
    this.#index = index
  }

  /** Asks the server for what was written since. Throws CONNECT_FAILED, ADDRESS_MISSING. */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined
    })
    return this.#looking
  }

  async #look(): Promise<void> {
    await this.#ask('_refresh', {})
    const body = { size: 500, sort: ['_seq_no'], search_after: [this.#last] }
    const { hits } = (await this.#ask('_search', body)) as { hits: { hits: readonly Hit[] } }
    for (const hit of hits.hits) {
      this.#last = hit.sort[0]
      this.#ready.push(hit)
    }
  }

  take(count: number): readonly { readonly hit: Hit; readonly attempt: number }[] {
    return this.#ready.splice(0, count).map(hit => {
      const attempt = (this.#handedOut.get(hit._id) ?? 0) + 1
      this.#handedOut.set(hit._id, attempt)
      return { hit, attempt }
    })
  }

  putBack(hits: Iterable<Hit>): void {
    this.#ready = [...this.#ready, ...hits].sort((a, b) => a.sort[0] - b.sort[0])
  }

  #ask(api: string, body: object): Promise<unknown> {
    const path = `/${this.#index}/${api}`
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    const call = request(new URL(path, this.#url), { method: 'POST', agent: false }, async answer => {
      const text = (await answer.toArray()).join('')
      if (answer.statusCode === 404) reject(new SluiceError('ADDRESS_MISSING', `there is no index ${this.#index}`))
      else resolve(JSON.parse(text))
    })
    call.on('error', cause => reject(new SluiceError('CONNECT_FAILED', 'nobody answers', { cause })))
    call.end(JSON.stringify(body))
    return promise
  }
}

/** A source over the stand-in, for the tests alone: Elasticsearch is no queue. */
export class DocumentSource implements Source {
  readonly #group: ReaderGroup
  readonly #inFlight: number
  readonly #toMessage: (hit: Hit, attempt: number) => Message
  readonly #held = new Set<Hit>()
  readonly #timers = new Set<NodeJS.Timeout>()
  #expired = false

  constructor(group: ReaderGroup, inFlight: number, toMessage: (hit: Hit, attempt: number) => Message) {
    this.#group = group
    this.#inFlight = inFlight
    this.#toMessage = toMessage
  }

  async *receive(signal: AbortSignal): AsyncGenerator<readonly Delivery[]> {
    while (!signal.aborted && !this.#expired) {
      await this.#group.look()
      if (signal.aborted || this.#expired) return
      const batch = this.#group
        .take(this.#inFlight - this.#held.size)
        .map(({ hit, attempt }) => this.#delivery(hit, attempt))
      if (batch.length > 0) yield batch
      else await sleep(10, undefined, { signal }).catch(() => {})
    }
  }

  #delivery(hit: Hit, attempt: number): Delivery {
    this.#held.add(hit)
    let settled = false
    const once = (settle: () => void) => {
      if (settled || this.#expired) return
      settled = true
      settle()
    }
    const isExpired = () => this.#expired
    return {
      message: this.#toMessage(hit, attempt),
      get expired() {
        return isExpired()
      },
      ack: () => once(() => this.#held.delete(hit)),
      release: (delayMs = 0) => once(() => this.#again(hit, delayMs)),
    }
  }

  #again(hit: Hit, delayMs: number): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      this.#held.delete(hit)
      this.#group.putBack([hit])
    }, delayMs)
    this.#timers.add(timer)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#expired) return
    this.#expired = true
    for (const timer of this.#timers) clearTimeout(timer)
    this.#group.putBack(this.#held)
  }
}
