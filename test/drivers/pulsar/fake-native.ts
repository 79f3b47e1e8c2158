import type {
  NativeClientConfig,
  NativeConsumer,
  NativeConsumerConfig,
  NativeMessage,
  NativeModule,
  NativeProducerConfig,
  NativeProducerMessage,
  NativeReader,
  NativeReaderConfig,
} from '../../../src/drivers/pulsar/native-client.ts'

/** The package `pulsar-client` as far as its type definitions promise: for machines that do not have it. */
export class FakeNative {
  readonly clients: NativeClientConfig[] = []
  readonly consumers: { readonly config: NativeConsumerConfig; readonly consumer: FakeNativeConsumer }[] = []
  readonly readers: { readonly config: NativeReaderConfig; readonly reader: FakeNativeReader }[] = []
  readonly producers: NativeProducerConfig[] = []
  readonly sent: NativeProducerMessage[] = []
  logHandler: ((level: number, file: string, line: number, message: string) => void) | undefined
  /** What the next calls fail with. */
  failure: Error | undefined
  closed = 0

  get module(): NativeModule {
    const fake = this
    const fail = async <T>(value: T): Promise<T> => {
      if (fake.failure !== undefined) throw fake.failure
      return value
    }
    class Client {
      constructor(config: NativeClientConfig) {
        fake.clients.push(config)
      }
      static setLogHandler(handler: NonNullable<FakeNative['logHandler']>): void {
        fake.logHandler = handler
      }
      createProducer(config: NativeProducerConfig) {
        fake.producers.push(config)
        return fail({
          send: async (message: NativeProducerMessage) => void fake.sent.push(await fail(message)),
          close: async () => {
            fake.closed++
            return null
          },
          isConnected: () => true,
        })
      }
      subscribe(config: NativeConsumerConfig) {
        const consumer = new FakeNativeConsumer()
        fake.consumers.push({ config, consumer })
        return fail(consumer)
      }
      createReader(config: NativeReaderConfig) {
        const reader = new FakeNativeReader()
        fake.readers.push({ config, reader })
        return fail(reader)
      }
      getPartitionsForTopic() {
        return fail<string[]>([])
      }
      async close() {
        fake.closed++
        return null
      }
    }
    class Authentication {
      readonly params: object
      constructor(params: object) {
        this.params = params
      }
    }
    const MessageId = { latest: () => ({ latest: true }), deserialize: (bytes: Buffer) => ({ after: bytes }) }
    return { Client, MessageId, AuthenticationToken: Authentication, AuthenticationTls: Authentication }
  }
}

export class FakeNativeConsumer implements NativeConsumer {
  readonly acked: NativeMessage[] = []
  readonly nacked: NativeMessage[] = []
  /** What acknowledging fails with. */
  failure: Error | undefined
  receiving = 0
  closed = false
  readonly #waiting: PromiseWithResolvers<NativeMessage>[] = []
  readonly #messages: NativeMessage[] = []

  deliver(message: NativeMessage): void {
    const waiting = this.#waiting.shift()
    if (waiting === undefined) this.#messages.push(message)
    else waiting.resolve(message)
  }

  receive(): Promise<NativeMessage> {
    this.receiving++
    const message = this.#messages.shift()
    if (message !== undefined) return Promise.resolve(message)
    const waiting = Promise.withResolvers<NativeMessage>()
    this.#waiting.push(waiting)
    return waiting.promise
  }

  async acknowledge(message: NativeMessage): Promise<null> {
    await new Promise(resolve => setImmediate(resolve))
    if (this.failure !== undefined) throw this.failure
    this.acked.push(message)
    return null
  }

  negativeAcknowledge(message: NativeMessage): void {
    this.nacked.push(message)
  }

  isConnected(): boolean {
    return !this.closed
  }

  async close(): Promise<null> {
    this.closed = true
    for (const { reject } of this.#waiting.splice(0)) reject(new Error('Failed to receive message: AlreadyClosed'))
    return null
  }
}

export class FakeNativeReader implements NativeReader {
  readonly #consumer = new FakeNativeConsumer()

  get reading(): number {
    return this.#consumer.receiving
  }

  get closed(): boolean {
    return this.#consumer.closed
  }

  deliver(message: NativeMessage): void {
    this.#consumer.deliver(message)
  }

  readNext(): Promise<NativeMessage> {
    return this.#consumer.receive()
  }

  close(): Promise<null> {
    return this.#consumer.close()
  }
}

export function nativeMessage(
  text: string,
  changes: Partial<Record<keyof NativeMessage, unknown>> = {},
): NativeMessage {
  const values: Record<keyof NativeMessage, unknown> = {
    getTopicName: 'persistent://public/default/orders-partition-3',
    getProperties: { color: 'red' },
    getData: Buffer.from(text),
    // Ledger 5, entry 7, partition 3.
    getMessageId: { serialize: () => Buffer.from([0x08, 5, 0x10, 7, 0x18, 3]), toString: () => '(5,7,3)' },
    getPublishTimestamp: 1_795_000_000_000,
    getEventTimestamp: 0,
    getRedeliveryCount: 2,
    getPartitionKey: 'k',
    getOrderingKey: '',
    ...changes,
  }
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, () => value]),
  ) as unknown as NativeMessage
}
