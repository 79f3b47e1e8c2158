import { randomUUID } from 'node:crypto'
import type { Claim, Store, StoreFactory } from '../core/ports.ts'
import { milliseconds } from '../core/schema.ts'
import { digestOf } from './key-digest.ts'
import { RedisLink } from './redis-link.ts'
import { type RedisOptions, redisSchema } from './redis-options.ts'
import { ANSWER, CLAIM, CONFIRM, FORGET, LEAVE, type Script, SWEEP, TOUCH } from './redis-scripts.ts'

/** Keys per script: Redis does nothing else meanwhile, about a millisecond. */
const PER_CALL = 500
/** Signs of life per `aliveMs`, and which of them also take away what the dead have left. */
const BEATS = 3
const SWEEP_EVERY = 20
const FIRST_SWEEP = BEATS + 1

export interface RedisStoreSettings {
  /** Begins the names of its four keys. */
  readonly name: string
  readonly maxKeys: number
  /** How long claims hold after the last word of this gateway, in ms. */
  readonly aliveMs: number
  /**
   * How long this gateway has to be in touch with Redis before it takes over from others, in ms. Default: `aliveMs`. After an
   * outage of Redis all have been silent, and those that come back need a moment to say so.
   */
  readonly graceMs?: number
  /** Milliseconds; 0 = the server's clock. */
  readonly now?: () => number
}

/**
 * Keys in Redis that all gateways of a route share. What is confirmed survives as long as Redis does. A gateway says with
 * every call, and in between, that it is alive; what one that is gone had claimed is fresh again.
 */
export class RedisStore implements Store {
  readonly #link: RedisLink
  readonly #settings: RedisStoreSettings
  readonly #keys: readonly string[]
  readonly #owner = randomUUID()
  // Claims that were answered `fresh`. Another one of ours in Redis is that of an answer that was lost on its way.
  readonly #answered = new Set<string>()
  #heartbeat: NodeJS.Timeout | undefined

  private constructor(link: RedisLink, settings: RedisStoreSettings) {
    this.#link = link
    this.#settings = settings
    this.#keys = ['claims', 'done', 'order', 'owners'].map(part => `${settings.name}:${part}`)
  }

  /** Throws STORE_AWAY and what else RedisLink throws; owns the link from then on. */
  static async open(link: RedisLink, settings: RedisStoreSettings): Promise<RedisStore> {
    const store = new RedisStore(link, settings)
    try {
      await store.#run(TOUCH)
    } catch (error) {
      await link[Symbol.asyncDispose]()
      throw error
    }
    let beats = 0
    store.#heartbeat = setInterval(() => {
      // Where it fails, so does the next claim, and that says so.
      store.#run(++beats % SWEEP_EVERY === FIRST_SWEEP ? SWEEP : TOUCH).catch(() => {})
    }, settings.aliveMs / BEATS)
    return store
  }

  async claim(keys: readonly string[], leaseMs: number): Promise<readonly Claim[]> {
    const digests = keys.map(textOf)
    const answers = (await this.#each(CLAIM, digests, [leaseMs])).flat() as number[]
    return answers.map((answer, i): Claim => {
      const digest = digests[i]!
      if (answer === ANSWER.done) return 'done'
      if (answer === ANSWER.held || (answer === ANSWER.ours && this.#answered.has(digest))) return 'held'
      this.#answered.add(digest)
      return 'fresh'
    })
  }

  async confirm(keys: readonly string[], rememberMs: number): Promise<void> {
    const digests = keys.map(textOf)
    await this.#each(CONFIRM, digests, [rememberMs, this.#settings.maxKeys])
    for (const digest of digests) this.#answered.delete(digest)
  }

  async forget(keys: readonly string[]): Promise<void> {
    const digests = keys.map(textOf)
    await this.#each(FORGET, digests, [])
    for (const digest of digests) this.#answered.delete(digest)
  }

  // In pieces that are sent together and done in their order.
  async #each(script: Script, digests: readonly string[], args: readonly number[]): Promise<readonly unknown[]> {
    const calls: Promise<unknown>[] = []
    for (let i = 0; i < digests.length; i += PER_CALL)
      calls.push(this.#run(script, [...args.map(String), ...digests.slice(i, i + PER_CALL)]))
    const results = await Promise.allSettled(calls)
    return results.map(result => {
      if (result.status === 'rejected') throw result.reason
      return result.value
    })
  }

  #run(script: Script, args: readonly string[] = []): Promise<unknown> {
    const { aliveMs, graceMs = aliveMs, now } = this.#settings
    const judges = this.#link.touchMs >= graceMs ? '1' : '0'
    return this.#link.run(script, this.#keys, [this.#owner, String(aliveMs), String(now?.() ?? 0), judges, ...args])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#heartbeat)
    await this.#run(LEAVE).catch(() => {})
    await this.#link[Symbol.asyncDispose]()
  }
}

const textOf = (key: string): string => Buffer.from(digestOf(key), 'latin1').toString('base64url')

export const redis: StoreFactory = {
  name: 'redis',
  schema: redisSchema,
  async open(options, { name, baseDir, maxKeys }) {
    const { prefix = 'sluice:', lease = '10s', ...rest } = options as RedisOptions
    const aliveMs = Math.min(600_000, Math.max(1_000, milliseconds(lease)))
    return RedisStore.open(new RedisLink(rest, baseDir), { name: prefix + name, maxKeys, aliveMs })
  },
}
