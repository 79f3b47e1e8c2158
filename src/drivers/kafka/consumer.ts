import type { EachBatchPayload, Consumer as KafkajsConsumer } from 'kafkajs'
import type { EndpointContext } from '../../core/ports.ts'
import type { Address } from './address.ts'
import { kafkajsClient } from './client.ts'
import { kafkaError } from './errors.ts'
import { isRebalance, joinHooks, loadKafkajs } from './kafkajs.ts'
import type { Membership } from './membership.ts'
import { probe } from './probe.ts'
import { Sockets } from './socket.ts'
import type { SourceSettings } from './source-settings.ts'

/** The source a consumer works for. */
export interface ConsumerOwner {
  readonly membership: Membership
  fail(error: unknown): void
}

/** The kafkajs consumer behind a source: its settings, its heartbeat, and what its events mean. */
export class Consumer {
  readonly #consumer: KafkajsConsumer
  readonly #sockets = new Sockets()
  readonly #source: ConsumerOwner
  readonly #context: EndpointContext
  readonly #settings: SourceSettings
  readonly #address: Address
  #heartbeat: NodeJS.Timeout | undefined
  #waiting = false
  #lastFetch = Date.now()

  constructor(address: Address, settings: SourceSettings, context: EndpointContext, source: ConsumerOwner) {
    this.#source = source
    this.#address = address
    this.#context = context
    this.#settings = settings
    const { PartitionAssigners } = loadKafkajs()
    const { fetch } = settings
    this.#consumer = kafkajsClient(address, context.log, this.#sockets).consumer({
      groupId: settings.group,
      sessionTimeout: settings.sessionTimeout,
      rebalanceTimeout: settings.rebalanceTimeout,
      heartbeatInterval: settings.heartbeatInterval,
      minBytes: fetch.minBytes,
      maxBytes: fetch.maxBytes,
      maxBytesPerPartition: fetch.maxBytesPerPartition,
      maxWaitTimeInMs: fetch.maxWait,
      readUncommitted: settings.readUncommitted,
      allowAutoTopicCreation: false,
      metadataMaxAge: 60_000,
      ...(settings.rackId === undefined ? {} : { rackId: settings.rackId }),
      partitionAssigners: [
        config => {
          ;(config.cluster as unknown as { [joinHooks]: unknown })[joinHooks] = source.membership
          return PartitionAssigners.roundRobin(config)
        },
      ],
      // It does not give up while the broker is away for a while (see kafkajsClient): its place in the group, and with it
      // what is in flight, stays good.
      // A consumer that gave up all the same is not started again by kafkajs: the engine makes a new source.
      retry: { initialRetryTime: 100, maxRetryTime: 3_000, retries: 1_000_000, restartOnFailure: async () => false },
    })
    const { CRASH, FETCH } = this.#consumer.events
    this.#consumer.on(CRASH, ({ payload }) => source.fail(payload.error))
    this.#consumer.on(FETCH, () => this.#fetched())
  }

  async reachable(signal: AbortSignal): Promise<boolean> {
    try {
      await probe(this.#address, signal)
      return true
    } catch {
      return false
    }
  }

  /** When an answer to a fetch came last, ms since 1970. */
  get lastFetch(): number {
    return this.#lastFetch
  }

  /** Joins the group and begins to fetch `topics`. */
  async subscribe(topics: readonly string[]): Promise<void> {
    await this.#consumer.connect()
    // What retention has deleted is passed over to the oldest record there is, never to the newest.
    await this.#consumer.subscribe({ topics: [...topics], fromBeginning: true })
  }

  async run(accept: (batch: EachBatchPayload) => Promise<void>): Promise<void> {
    this.#heartbeat = setInterval(() => void this.#beat(), this.#settings.heartbeatInterval)
    await this.#consumer.run({ autoCommit: false, eachBatchAutoResolve: false, eachBatch: accept })
  }

  /** Leaves the group; then no connection is left. Never throws. */
  async close(): Promise<void> {
    clearInterval(this.#heartbeat)
    await this.#consumer.disconnect().catch(() => {})
    this.#sockets.close()
  }

  // Independent of fetching and processing: a slow target must not look like a dead member.
  async #beat(): Promise<void> {
    const { membership } = this.#source
    const { group } = membership
    if (group === undefined || membership.joining) return
    try {
      await group.heartbeat({ interval: this.#settings.heartbeatInterval })
      if (this.#waiting) this.#context.status('ok')
      this.#waiting = false
    } catch (error) {
      // kafkajs' own next heartbeat meets the same error and handles it.
      if (isRebalance(error)) return
      const { message } = kafkaError(error, `group ${this.#settings.group}`)
      if (!this.#waiting) this.#context.status('waiting', message)
      this.#waiting = true
      await membership.relocate()
    }
  }

  #fetched(): void {
    this.#lastFetch = Date.now()
  }
}
