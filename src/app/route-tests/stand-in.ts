import type { SchemaView } from '../../config/wording.ts'
import { asSluiceError, SluiceError } from '../../core/errors.ts'
import { compileTemplate, type Expression } from '../../core/expression.ts'
import { featuresOf } from '../../core/features.ts'
import type { Message } from '../../core/message.ts'
import type { Connection, Driver, Sink, StoreFactory } from '../../core/ports.ts'
import type { Preview, Previewer } from '../../core/preview.ts'
import { Registry } from '../../core/registry.ts'

/** A message as a sink would have published it. */
export interface Published {
  readonly message: Message
  readonly key: Buffer | string | null
  /** Where it goes: `connection`, and what the sink's options say of this message. */
  readonly to: Readonly<Record<string, unknown>>
  /** That part of it which is not a default: what tells one target from another. */
  readonly address: Readonly<Record<string, unknown>>
  readonly preview: Preview
}

/** Hears of what is published: `options` are those of the sink, by which target and dead letters are told apart. */
export type Publish = (options: unknown, published: Published) => void

/**
 * The registry with stand-ins for everything that has an outside: drivers that hand what is published to `publish`, and stores
 * that live in memory. Features, schemas, transforms and plug-ins stay what they are.
 */
export function standIns(registry: Registry, publish: Publish): Registry {
  const stores = registry.stores.get('memory')!
  return new Registry().add({
    name: 'stand-ins',
    drivers: [...registry.drivers.values()].map(driver => standIn(driver, publish)),
    transforms: [...registry.transforms.values()],
    gathers: [...registry.gathers.values()],
    stores: [...registry.stores.values()].map(
      (store): StoreFactory => ({
        name: store.name,
        schema: store.schema,
        open: (_options, context) => stores.open({}, context),
      }),
    ),
  })
}

function standIn(driver: Driver, publish: Publish): Driver {
  return {
    name: driver.name,
    schemes: driver.schemes,
    features: driver.features,
    featuresOf: (part, options) => featuresOf(driver, part, options),
    schema: driver.schema,
    connect: (connection, { name }): Connection => ({
      check: async () => {},
      source: async () => {
        throw new SluiceError('NOT_SUPPORTED', 'a stand-in receives nothing')
      },
      sink: async options => new StandInSink({ driver, connection, name, options, publish }),
      async [Symbol.asyncDispose]() {},
    }),
  }
}

interface SinkPlace {
  readonly driver: Driver
  readonly connection: unknown
  /** Of the connection. */
  readonly name: string
  readonly options: unknown
  readonly publish: Publish
}

/** Confirms what the broker could take, and says of the rest what the driver would. */
class StandInSink implements Sink {
  readonly #at: SinkPlace
  readonly #templates: readonly (readonly [string, Expression | undefined, unknown])[]
  readonly #previewer: Previewer | undefined
  readonly #defaults: Readonly<Record<string, SchemaView>>
  readonly #maxBytes: number
  readonly #keyOption: string | undefined
  readonly #ordered: boolean

  constructor(at: SinkPlace) {
    const { driver, options, connection } = at
    const features = featuresOf(driver, 'sink', options)
    this.#at = at
    this.#templates = Object.entries(options as Record<string, unknown>).map(([name, value]) => [
      name,
      typeof value === 'string' ? compileTemplate(value) : undefined,
      value,
    ])
    this.#defaults = (driver.schema.sink as SchemaView).properties ?? {}
    this.#previewer = driver.preview?.(options, connection)
    this.#maxBytes = this.#previewer?.maxBytes ?? features.maxBytes
    this.#keyOption = features.keyOption
    this.#ordered = features.orderedBatch
  }

  async publish(
    messages: readonly Message[],
    _signal: AbortSignal,
    runs: readonly number[] = [],
  ): Promise<readonly (SluiceError | null)[]> {
    const failed = new Set<number>()
    return messages.map((message, at) => {
      const run = runs[at] ?? at
      if (this.#ordered && failed.has(run)) return new SluiceError('BATCH_BROKEN', 'a message before it failed')
      try {
        this.#at.publish(this.#at.options, this.#published(message))
        return null
      } catch (error) {
        failed.add(run)
        return asSluiceError(error)
      }
    })
  }

  #published(message: Message): Published {
    if (message.size > this.#maxBytes)
      throw new SluiceError('TOO_LARGE', `the body has ${message.size} bytes; the target takes ${this.#maxBytes}`)
    const preview = this.#previewer?.of(message) ?? {}
    const to: Record<string, unknown> = { connection: this.#at.name }
    for (const [name, template, value] of this.#templates) to[name] = template?.evaluate(message) ?? value
    const own = this.#keyOption === undefined ? undefined : this.#templates.find(([name]) => name === this.#keyOption)
    const key = own === undefined ? message.key : keyOf(own[1]?.evaluate(message) ?? own[2])
    const all = { ...to, ...preview.to }
    const telling = Object.entries(all).filter(
      ([name, value]) => value !== undefined && value !== '' && value !== this.#defaults[name]?.default,
    )
    return { message, key, to: all, address: Object.fromEntries(telling), preview }
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

function keyOf(value: unknown): Buffer | string | null {
  if (value === null || value === undefined) return null
  return Buffer.isBuffer(value) ? value : typeof value === 'object' ? JSON.stringify(value) : String(value)
}
