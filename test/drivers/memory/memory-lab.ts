import { Headers } from '../../../src/core/headers.ts'
import { Message, type MessageFields } from '../../../src/core/message.ts'
import type { Connection, Delivery, Sink, Source } from '../../../src/core/ports.ts'
import { quiet } from '../../../src/core/quiet-log.ts'
import type { MemoryBroker } from '../../../src/drivers/memory/broker.ts'
import { createMemoryDriver, type MemoryDriverOptions } from '../../../src/drivers/memory/driver.ts'
import { MemoryHub } from '../../../src/drivers/memory/hub.ts'

export const never = new AbortController().signal

/** One recording broker, `lab`, and a driver to it. */
export class MemoryLab {
  readonly hub: MemoryHub
  readonly #options: MemoryDriverOptions
  driver
  connection: Connection

  constructor(options: MemoryDriverOptions & { seed?: number; timeout?: string } = {}) {
    this.#options = options
    this.hub = new MemoryHub({ record: true, seed: options.seed ?? 1 })
    this.driver = createMemoryDriver({ ...options, hub: this.hub })
    this.connection = this.connect(options.timeout)
  }

  get broker(): MemoryBroker {
    return this.hub.broker('lab')
  }

  connect(timeout = '2s', url = `${this.driver.schemes[0]}://lab`): Connection {
    return this.driver.connect({ url, timeout }, { name: 'lab', log: quiet, baseDir: '.' })
  }

  /** SIGKILL to the process, and a new one in its place. */
  kill(): void {
    this.driver.kill()
    this.driver = createMemoryDriver({ ...this.#options, hub: this.hub })
    this.connection = this.connect()
  }

  source(options: object = {}, inFlight = 100, inFlightBytes = 1e6): Promise<Source> {
    return this.connection.source({ address: 'a', ...options }, endpoint(inFlight, inFlightBytes), never)
  }

  sink(options: object = {}): Promise<Sink> {
    return this.connection.sink({ address: 'a', ...options }, endpoint(1, 1), never)
  }

  /** Publishes one message per id; the part before a `/` is its key. Answers with the codes of the results. */
  async publish(sink: Sink, ...ids: readonly string[]): Promise<readonly (string | undefined)[]> {
    const results = await sink.publish(
      ids.map(id => message({ id, key: id.includes('/') ? id.split('/')[0]! : null })),
      never,
    )
    return results.map(result => result?.code)
  }

  contents(address = 'a'): readonly string[] {
    return this.broker.contents(address).map(stored => stored.id)
  }
}

export function message(fields: Partial<MessageFields> = {}): Message {
  const source = { connection: '', address: '', sequence: '', position: '', attempt: 1 }
  const bytes = Buffer.from('body')
  return new Message({
    key: null,
    subject: '',
    headers: Headers.EMPTY,
    bytes,
    timestamp: 0,
    properties: {},
    source,
    ...fields,
  })
}

function endpoint(inFlight: number, inFlightBytes: number) {
  return { route: 'lab', inFlight, inFlightBytes, log: quiet, status: () => {} }
}

/** Takes from a source by hand, batch by batch. */
export class Reader {
  readonly #batches: AsyncIterator<readonly Delivery[]>
  readonly #stop = new AbortController()

  constructor(source: Source) {
    this.#batches = source.receive(this.#stop.signal)[Symbol.asyncIterator]()
  }

  /** The next batch; empty at the end. */
  async next(): Promise<readonly Delivery[]> {
    const { value, done } = await this.#batches.next()
    return done === true ? [] : value
  }

  /** At least `count` deliveries. */
  async take(count: number): Promise<readonly Delivery[]> {
    const all: Delivery[] = []
    while (all.length < count) all.push(...(await this.next()))
    return all
  }

  stop(): void {
    this.#stop.abort()
  }
}

export const idsOf = (deliveries: readonly Delivery[]): readonly string[] => deliveries.map(({ message: { id } }) => id)
/** One turn of the event loop and a bit: pending acknowledgements are at the broker. */
export const flushed = (): Promise<void> => new Promise(resolve => setImmediate(() => setImmediate(resolve)))
