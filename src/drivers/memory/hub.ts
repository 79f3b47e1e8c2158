import { type BrokerOptions, MemoryBroker } from './broker.ts'

/** The memory brokers of a process, by name. They outlive the drivers that talk to them, as real brokers do. */
export class MemoryHub {
  readonly #options: BrokerOptions
  readonly #brokers = new Map<string, MemoryBroker>()

  constructor(options: BrokerOptions = {}) {
    this.#options = options
  }

  /** The broker of that name; made on first use. */
  broker(name: string): MemoryBroker {
    let broker = this.#brokers.get(name)
    if (broker === undefined) {
      broker = new MemoryBroker(name, this.#options)
      this.#brokers.set(name, broker)
    }
    return broker
  }
}
