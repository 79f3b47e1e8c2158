import type { Client } from '@elastic/elasticsearch'
import { asSluiceError, bytes, type Message, milliseconds, type Sink, SluiceError } from 'sluice'
import { Batches, type Result } from './batches.ts'
import { Documents, type Operation } from './document.ts'
import { clientError, type Item, itemResult, statusOf } from './errors.ts'
import type { SinkOptions } from './options.ts'

/** Writes messages as documents, by bulk requests. */
export class ElasticsearchSink implements Sink {
  readonly #client: Client
  readonly #options: SinkOptions
  readonly #documents: Documents
  readonly #batches: Batches
  readonly #closed = new AbortController()

  /** Throws OPTIONS_INVALID. */
  constructor(client: Client, options: SinkOptions) {
    this.#client = client
    this.#options = options
    this.#documents = new Documents(options, bytes(options.maxDocumentBytes ?? '100MiB'))
    const { count = 100, bytes: size = '10MiB', every = '1s', pause = '10ms' } = options.bulk ?? {}
    this.#batches = new Batches({
      count,
      bytes: bytes(size),
      every: milliseconds(every),
      pause: milliseconds(pause),
      send: operations => this.#bulk(operations),
    })
  }

  // One result per message, and never a throw: what fails is the result of its message.
  publish(messages: readonly Message[], signal: AbortSignal): Promise<readonly Result[]> {
    const results = new Array<Result | undefined>(messages.length)
    const { promise, resolve } = Promise.withResolvers<readonly Result[]>()
    const stops = [signal, this.#closed.signal]
    let open = messages.length
    const settle = (i: number, result: Result) => {
      if (results[i] !== undefined) return
      results[i] = result
      if (--open > 0) return
      for (const stop of stops) stop.removeEventListener('abort', abort)
      resolve(results as readonly Result[])
    }
    const abort = () => {
      for (let i = 0; i < messages.length; i++) settle(i, new SluiceError('ABORTED', 'the publishing was given up'))
    }
    if (messages.length === 0) return Promise.resolve([])
    for (const stop of stops) stop.addEventListener('abort', abort)
    if (stops.some(stop => stop.aborted)) abort()
    for (const [i, message] of messages.entries()) {
      if (results[i] !== undefined) break
      const operation = this.#operation(message)
      if (operation instanceof SluiceError) settle(i, operation)
      else
        this.#batches.add(
          operation,
          () => results[i] === undefined,
          result => settle(i, result),
        )
    }
    this.#batches.added()
    return promise
  }

  #operation(message: Message): Operation | SluiceError {
    try {
      return this.#documents.of(message)
    } catch (error) {
      return asSluiceError(error)
    }
  }

  async #bulk(operations: readonly Operation[]): Promise<readonly Result[]> {
    const { pipeline, refresh = false, version } = this.#options
    try {
      const { items } = await this.#client.bulk<string>(
        {
          operations: operations.flatMap(({ lines }) => lines),
          ...(pipeline === undefined ? {} : { pipeline }),
          ...(refresh ? { refresh: 'wait_for' as const } : {}),
        },
        { signal: this.#closed.signal },
      )
      return operations.map(({ action }, i) => {
        const item = items[i]?.[action] as Item | undefined
        if (item === undefined)
          return new SluiceError('UNKNOWN', 'the answer to the bulk request names fewer documents')
        return itemResult(item, action, version !== undefined)
      })
    } catch (error) {
      return this.#refused(operations, error)
    }
  }

  // A request that is refused over one of its documents, or for its size, is halved until the culprit is alone.
  async #refused(operations: readonly Operation[], error: unknown): Promise<readonly Result[]> {
    const status = statusOf(error)
    if (operations.length > 1 && (status === 400 || status === 413)) {
      const middle = operations.length >> 1
      const first = await this.#bulk(operations.slice(0, middle))
      return [...first, ...(await this.#bulk(operations.slice(middle)))]
    }
    const failure = clientError(error, 'the bulk request')
    return operations.map(() => failure)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort()
    this.#batches.stop()
  }
}
