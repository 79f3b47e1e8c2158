import { SluiceError } from '../../core/errors.ts'
import type { Address } from './address.ts'
import type {
  ConsumerLink,
  ConsumerListener,
  ConsumerSettings,
  LinkListener,
  ProducerLink,
  ProducerSettings,
  ReaderLink,
  ReaderSettings,
  Transport,
} from './transport.ts'
import { WsConsumer } from './ws-consumer.ts'
import { dial } from './ws-dial.ts'
import { WsProducer } from './ws-producer.ts'
import { WsReader } from './ws-reader.ts'

const NATIVE = 'the WebSocket API has no such thing; use a pulsar:// url'
/** `webSocketMaxTextFrameSize` where nobody changed it. */
const FRAME_BYTES = 1024 * 1024

/** The broker's WebSocket API: JSON over `ws`, in pure JavaScript. */
export class WsTransport implements Transport {
  readonly lacks = {
    pattern: NATIVE,
    readCompacted: NATIVE,
    orderingKey: NATIVE,
    sequenceId: NATIVE,
    chunking: NATIVE,
  }
  readonly maxMessageBytes = FRAME_BYTES
  readonly #address: Address

  constructor(address: Address) {
    this.#address = address
  }

  /**
   * Asks for a producer with a setting that does not exist: the broker looks at the login first, and at the setting
   * before it makes a topic. Whether we may write to that topic is another question.
   */
  async check(signal: AbortSignal): Promise<void> {
    const { tenant, namespace } = this.#address.home
    const path = `/producer/persistent/${tenant}/${namespace}/sluice-check?messageRoutingMode=check`
    try {
      const { socket } = await dial(this.#address, path, 'the login', signal)
      socket.close()
    } catch (error) {
      if (!(error instanceof SluiceError) || !LET_IN.has(error.code)) throw error
    }
  }

  subscribe(settings: ConsumerSettings, listener: ConsumerListener, signal: AbortSignal): Promise<ConsumerLink> {
    return WsConsumer.open(this.#address, settings, listener, signal)
  }

  produce(settings: ProducerSettings, listener: LinkListener, signal: AbortSignal): Promise<ProducerLink> {
    return WsProducer.open(this.#address, settings, listener, signal)
  }

  read(settings: ReaderSettings, listener: ConsumerListener, signal: AbortSignal): Promise<ReaderLink> {
    return WsReader.open(this.#address, settings, listener, signal)
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

const LET_IN: ReadonlySet<string> = new Set(['OPTIONS_INVALID', 'ACCESS_DENIED', 'ADDRESS_MISSING', 'ADDRESS_IN_USE'])
