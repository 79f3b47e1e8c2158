import type { createClient, ErrorReply } from '@redis/client'
import { describe, SluiceError } from '../core/errors.ts'
import { milliseconds } from '../core/schema.ts'
import { readPems } from '../core/tls-files.ts'
import { redisError } from './redis-errors.ts'
import type { RedisOptions } from './redis-options.ts'
import type { Script } from './redis-scripts.ts'

type Client = ReturnType<typeof createClient>

/**
 * One connection to Redis, opened when it is needed and anew after a loss. Whoever calls waits no longer than the time-out
 * and gets an error instead: nothing is queued for a server that is away (Invariant 6).
 */
export class RedisLink implements AsyncDisposable {
  readonly #options: RedisOptions
  readonly #baseDir: string
  readonly #timeoutMs: number
  readonly #where: string
  #client: Client | undefined
  #reply: typeof ErrorReply | undefined
  #opening: Promise<Client> | undefined
  #closed = false
  #since = Number.POSITIVE_INFINITY

  /** Throws OPTIONS_INVALID for a url that cannot be read. */
  constructor(options: RedisOptions, baseDir: string) {
    this.#options = options
    this.#baseDir = baseDir
    this.#timeoutMs = milliseconds(options.timeout ?? '3s')
    if (!URL.canParse(options.url)) throw new SluiceError('OPTIONS_INVALID', 'the url of the store cannot be read')
    this.#where = new URL(options.url).host
  }

  /** Throws STORE_AWAY; AUTH_FAILED, ACCESS_DENIED, TLS_FAILED, NOT_SUPPORTED where that is why. */
  async run(script: Script, keys: readonly string[], args: readonly string[]): Promise<unknown> {
    const client = await this.#open()
    const call = (command: string, body: string) =>
      this.#within(client, client.sendCommand([command, body, String(keys.length), ...keys, ...args]))
    try {
      return await call('EVALSHA', script.sha)
    } catch (error) {
      if (!/^NOSCRIPT\b/.test(describe(error))) throw this.#failed(client, error)
    }
    try {
      return await call('EVAL', script.lua)
    } catch (error) {
      throw this.#failed(client, error)
    }
  }

  /** For how long every call has been answered, in ms; below 0: it is not connected. */
  get touchMs(): number {
    return performance.now() - this.#since
  }

  async #open(): Promise<Client> {
    if (this.#closed) throw new SluiceError('ABORTED', 'the store is closed')
    if (this.#client?.isReady === true) return this.#client
    this.#opening ??= this.#connect().finally(() => {
      this.#opening = undefined
    })
    return this.#opening
  }

  async #connect(): Promise<Client> {
    let client: Client | undefined
    try {
      // Loaded by those who use it.
      const library = await import('@redis/client')
      this.#reply = library.ErrorReply
      client = library.createClient({
        url: this.#options.url,
        name: 'sluice',
        disableOfflineQueue: true,
        socket: { connectTimeout: this.#timeoutMs, reconnectStrategy: false, ...this.#tls() },
      })
      client.on('error', () => {})
      await this.#within(client, client.connect())
    } catch (error) {
      throw client === undefined ? redisError(error, this.#where) : this.#failed(client, error)
    }
    if (this.#closed) {
      discard(client)
      throw new SluiceError('ABORTED', 'the store is closed')
    }
    this.#client = client
    this.#since = performance.now()
    return client
  }

  #tls(): object {
    if (!this.#options.url.startsWith('rediss:')) return {}
    return { tls: true, ...readPems(this.#options.tls ?? {}, this.#baseDir) }
  }

  async #within<T>(client: Client, work: Promise<T>): Promise<T> {
    const { promise, reject } = Promise.withResolvers<never>()
    const timer = setTimeout(() => {
      // An answer that comes after all must not be taken for that to another question.
      discard(client)
      reject(
        new SluiceError('STORE_AWAY', `the dedup store at ${this.#where} did not answer within ${this.#timeoutMs} ms`),
      )
    }, this.#timeoutMs)
    try {
      return await Promise.race([work, promise])
    } finally {
      clearTimeout(timer)
    }
  }

  // A refusal leaves the connection as it was, unless the server is another one by now: a replica, or one that loads.
  #failed(client: Client, error: unknown): SluiceError {
    const refused = this.#reply !== undefined && error instanceof this.#reply
    const stays = refused && !/^(READONLY|LOADING|MASTERDOWN)\b/.test(error.message)
    if (!stays || !client.isReady) {
      discard(client)
      this.#since = Number.POSITIVE_INFINITY
      if (this.#client === client) this.#client = undefined
    }
    return redisError(error, this.#where)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    const client = this.#client
    this.#client = undefined
    if (client !== undefined) discard(client)
    await this.#opening?.catch(() => {})
  }
}

function discard(client: Client): void {
  try {
    client.destroy()
  } catch {
    // It was closed already.
  }
}
