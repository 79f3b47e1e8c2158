import { aborting } from '../../core/waiting.ts'
import { translate } from './errors.ts'
import type { NativeClient, NativeMessageIds, NativeReader } from './native-client.ts'
import { readMessage } from './native-consumer.ts'
import { printTopic, type TopicName } from './topic-name.ts'
import type { ConsumerListener, ReaderLink, ReaderSettings } from './transport.ts'

/** A reader of the native client, which reconnects by itself and reads on where it was. */
export class NativeReaderLink implements ReaderLink {
  readonly #reader: NativeReader
  readonly #topic: TopicName
  readonly #listener: ConsumerListener
  /** Messages that may be handed on; the client holds the rest. */
  #room: number
  #reading = false
  #closed = false

  private constructor(reader: NativeReader, settings: ReaderSettings, listener: ConsumerListener) {
    this.#reader = reader
    this.#topic = settings.topic
    this.#listener = listener
    this.#room = settings.receiverQueueSize
  }

  static async open(
    client: NativeClient,
    ids: NativeMessageIds,
    settings: ReaderSettings,
    listener: ConsumerListener,
    signal: AbortSignal,
  ): Promise<NativeReaderLink> {
    const { topic, after, name, receiverQueueSize } = settings
    const opening = client.createReader({
      topic: printTopic(topic),
      startMessageId: after === undefined ? ids.latest() : ids.deserialize(serializedIn(after)),
      readerName: name,
      receiverQueueSize,
    })
    try {
      const link = new NativeReaderLink(await aborting(opening, signal), settings, listener)
      link.#begin()
      return link
    } catch (error) {
      // It cannot be interrupted: one that opens after the abort is closed again.
      if (signal.aborted) opening.then(late => late.close()).catch(() => {})
      throw translate(error, `the reader of ${printTopic(topic)}`, 'UNAVAILABLE')
    }
  }

  taken(): void {
    this.#room++
    this.#begin()
  }

  #begin(): void {
    if (this.#reading) return
    this.#reading = true
    void this.#read()
  }

  // Without a time-out of its own, as in the consumer. A close ends the wait.
  async #read(): Promise<void> {
    try {
      while (this.#room > 0 && !this.#closed) {
        const message = await this.#reader.readNext()
        if (this.#closed) return
        this.#room--
        this.#listener.received(readMessage(message, this.#topic))
      }
    } catch (error) {
      if (this.#closed) return
      this.#closed = true
      this.#listener.lost(translate(error, 'reading'))
      this.#reader.close().catch(() => {})
    } finally {
      this.#reading = false
    }
  }

  async close(signal: AbortSignal): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await aborting(this.#reader.close(), signal).catch(() => {})
  }
}

// A token is the name of the topic and the id in base64.
function serializedIn(token: string): Buffer {
  return Buffer.from(token.slice(token.lastIndexOf(' ') + 1), 'base64')
}
