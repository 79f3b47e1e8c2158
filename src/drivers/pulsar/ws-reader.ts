import type { RawData } from 'ws'
import { SluiceError } from '../../core/errors.ts'
import type { Address } from './address.ts'
import { printTopic, type TopicName, topicPath } from './topic-name.ts'
import type { ConsumerListener, ReaderLink, ReaderSettings, Received } from './transport.ts'
import { parseFrame } from './ws-consumer.ts'
import { dial } from './ws-dial.ts'
import { WsLink } from './ws-link.ts'

/** A reader of one topic. The broker sends as many messages ahead as its queue takes, and one more for each that is taken. */
export class WsReader implements ReaderLink {
  readonly #link: WsLink
  readonly #topic: TopicName

  private constructor(link: WsLink, topic: TopicName) {
    this.#link = link
    this.#topic = topic
  }

  static async open(
    address: Address,
    settings: ReaderSettings,
    listener: ConsumerListener,
    signal: AbortSignal,
  ): Promise<WsReader> {
    const { topic } = settings
    const what = `the reader of ${printTopic(topic)}`
    // It is not asked for the first messages: they may come before the connection is known here.
    const early: RawData[] = []
    let receive = (data: RawData): void => void early.push(data)
    const dialled = await dial(address, readerPath(settings), what, signal, data => receive(data))
    const reader = new WsReader(new WsLink(dialled, what, address.heartbeatMs, listener), topic)
    receive = data => reader.#onFrame(data, listener)
    for (const data of early) receive(data)
    return reader
  }

  #onFrame(data: RawData, listener: ConsumerListener): void {
    if (!this.#link.open) return
    const received = parseFrame(String(data), this.#topic)
    if (received !== undefined) return listener.received(received)
    this.#link.fail(
      new SluiceError('PROTOCOL_MISMATCH', `${printTopic(this.#topic)}: what was received is no message of Pulsar`),
    )
  }

  taken({ token }: Received): void {
    this.#link.send(`{"messageId":"${token}"}`)
  }

  close(signal: AbortSignal): Promise<void> {
    return this.#link.close(signal)
  }
}

function readerPath({ topic, after, name, receiverQueueSize }: ReaderSettings): string {
  const query = new URLSearchParams({
    messageId: after ?? 'latest',
    readerName: name,
    receiverQueueSize: String(receiverQueueSize),
  })
  return `/reader/${topicPath(topic)}?${query}`
}
