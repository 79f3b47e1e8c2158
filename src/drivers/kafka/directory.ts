import { type Admin, ConfigResourceTypes } from '@platformatic/kafka'
import { SluiceError } from '../../core/errors.ts'
import { bytes } from '../../core/schema.ts'
import { abortable, pause } from '../../core/waiting.ts'
import { kafkaError, kafkaName } from './errors.ts'
import type { SinkOptions } from './sink-options.ts'
import { isUnknownTopic } from './topics.ts'

/** Kafka's own default of `max.message.bytes`: 1 MiB and 12 bytes. */
const DEFAULT_MAX_MESSAGE_BYTES = 1_048_588
/** How long what is known about a topic is trusted; after that it is looked up again beside the work. */
const FRESH = 300_000
/** How long "it does not exist" is trusted, so that a stream of messages does not hammer the broker. */
const MISSING_FRESH = 1_000
const CREATED_WITHIN = 15_000
/** Topics remembered before those that are missing are forgotten: who names topics that do not exist must cost no memory. */
const MANY = 10_000

/** What is known about a topic that exists. */
export interface Topic {
  readonly name: string
  /** Node id of each partition's leader; -1 = none now. */
  leaders: readonly number[]
  /** Largest record batch it takes. */
  maxMessageBytes: number
  /** Partition for records without a key; moves on with every publish. */
  sticky: number
}

interface Entry {
  topic: Topic | undefined
  fetchedAt: number
  lookup: Promise<Topic> | undefined
  missing: SluiceError | undefined
}

/** Topics and brokers, remembered. */
export class Directory {
  readonly #admin: Admin
  readonly #options: SinkOptions
  readonly #entries = new Map<string, Entry>()
  #brokers: ReadonlyMap<number, { readonly host: string; readonly port: number }> = new Map()

  constructor(admin: Admin, options: SinkOptions) {
    this.#admin = admin
    this.#options = options
  }

  broker(node: number): { readonly host: string; readonly port: number } | undefined {
    return this.#brokers.get(node)
  }

  /** What is remembered; looks the topic up again beside the work when that is old. */
  known(name: string): Topic | undefined {
    const entry = this.#entries.get(name)
    if (entry?.topic !== undefined && Date.now() - entry.fetchedAt > FRESH) void this.refresh(name)
    return entry?.topic
  }

  /** Looks the topic up, and creates it when it is missing and the route says so. Throws ADDRESS_MISSING and others. */
  find(name: string, signal: AbortSignal): Promise<Topic> {
    const entry = this.#entry(name)
    if (entry.missing !== undefined && Date.now() - entry.fetchedAt < MISSING_FRESH)
      return Promise.reject(entry.missing)
    entry.lookup ??= this.#find(name, entry, signal).finally(() => {
      entry.lookup = undefined
    })
    return abortable(entry.lookup, signal)
  }

  /** Looks leaders and limits up again; a failure leaves what is known. Resolves to false when the topic is gone. */
  async refresh(name: string): Promise<boolean> {
    const entry = this.#entry(name)
    entry.fetchedAt = Date.now()
    try {
      await this.#fetch(name, entry)
      return true
    } catch (error) {
      if (!isUnknownTopic(error)) return true
      this.#entries.delete(name)
      return false
    }
  }

  #entry(name: string): Entry {
    let entry = this.#entries.get(name)
    if (entry === undefined) {
      if (this.#entries.size >= MANY)
        for (const [old, { topic, lookup }] of this.#entries)
          if (topic === undefined && lookup === undefined) this.#entries.delete(old)
      entry = { topic: undefined, fetchedAt: 0, lookup: undefined, missing: undefined }
      this.#entries.set(name, entry)
    }
    return entry
  }

  async #find(name: string, entry: Entry, signal: AbortSignal): Promise<Topic> {
    try {
      return await this.#fetch(name, entry)
    } catch (error) {
      entry.fetchedAt = Date.now()
      if (!isUnknownTopic(error)) throw kafkaError(error, `looking up topic ${name}`)
      if (this.#options.create !== undefined) return await this.#create(name, entry, signal)
      entry.missing = new SluiceError('ADDRESS_MISSING', `the topic ${name} does not exist`)
      throw entry.missing
    }
  }

  async #fetch(name: string, entry: Entry): Promise<Topic> {
    const metadata = await this.#admin.metadata({ topics: [name], forceUpdate: true })
    this.#brokers = metadata.brokers
    const partitions = metadata.topics.get(name)?.partitions ?? []
    const leaders = Array.from(partitions, partition => partition?.leader ?? -1)
    const maxMessageBytes = await this.#maxMessageBytes(name)
    entry.topic ??= { name, leaders, maxMessageBytes, sticky: Math.floor(Math.random() * 1_000) }
    entry.topic.leaders = leaders
    entry.topic.maxMessageBytes = maxMessageBytes
    entry.fetchedAt = Date.now()
    entry.missing = undefined
    return entry.topic
  }

  async #maxMessageBytes(name: string): Promise<number> {
    if (this.#options.maxMessageBytes !== undefined) return bytes(this.#options.maxMessageBytes)
    try {
      const [resource] = await this.#admin.describeConfigs({
        resources: [
          { resourceType: ConfigResourceTypes.TOPIC, resourceName: name, configurationKeys: ['max.message.bytes'] },
        ],
      })
      const value = Number(resource?.configs.find(config => config.name === 'max.message.bytes')?.value)
      return value > 0 ? value : DEFAULT_MAX_MESSAGE_BYTES
    } catch {
      // Not everyone who may write may read settings.
      return DEFAULT_MAX_MESSAGE_BYTES
    }
  }

  async #create(name: string, entry: Entry, signal: AbortSignal): Promise<Topic> {
    const { partitions, replication, config } = this.#options.create!
    const configs = Object.entries(config ?? {}).map(([key, value]) => ({ name: key, value: String(value) }))
    try {
      await this.#admin.createTopics({ topics: [name], partitions, replicas: replication, configs })
    } catch (error) {
      if (kafkaName(error) !== 'TOPIC_ALREADY_EXISTS') throw kafkaError(error, `creating topic ${name}`)
    }
    for (const deadline = Date.now() + CREATED_WITHIN; ; ) {
      try {
        const topic = await this.#fetch(name, entry)
        if (topic.leaders.every(leader => leader >= 0) || Date.now() > deadline) return topic
      } catch (error) {
        if (Date.now() > deadline) throw kafkaError(error, `creating topic ${name}`)
      }
      await pause(50, signal)
      signal.throwIfAborted()
    }
  }
}
