import { SluiceError } from '../../core/errors.ts'
import type { Message } from '../../core/message.ts'
import { answering, asking } from '../../core/reply-addressing.ts'
import type { Reply, ReplyInbox } from '../../core/reply-ports.ts'
import { toMessage } from './record.ts'
import type { SinkOptions } from './sink-options.ts'
import { type Home, Targets } from './target.ts'
import { parseTopic, printTopic, type TopicName } from './topic-name.ts'
import type { ConsumerListener, ReaderLink, Received, Transport } from './transport.ts'

const QUEUE = 1_000
const CLOSE_MS = 3_000

/** Where the next session of an inbox goes on: behind the message with this token; undefined = from its opening on. */
export interface Place {
  after: string | undefined
}

export interface PulsarInboxSettings {
  readonly topic: TopicName
  readonly name: string
  readonly place: Place
}

/**
 * A topic that all gateways share. Each reads all of it from now on, by a reader, of which nothing stays in the broker that
 * would keep messages for ever, and takes what has its own correlations; the engine drops the rest.
 */
export class PulsarInbox implements ReplyInbox, ConsumerListener {
  readonly #connection: string
  readonly #address: string
  readonly #place: Place
  #link: ReaderLink | undefined
  // Invariant 6: the reader brings no more than QUEUE that were not taken.
  #arrived: Received[] = []
  #failure: SluiceError | undefined
  #wake: () => void = () => {}

  private constructor(connection: string, { topic, place }: PulsarInboxSettings) {
    this.#connection = connection
    this.#address = printTopic(topic)
    this.#place = place
  }

  /** Throws what the transport throws. */
  static async open(
    transport: Transport,
    connection: string,
    settings: PulsarInboxSettings,
    signal: AbortSignal,
  ): Promise<PulsarInbox> {
    const { topic, name, place } = settings
    const inbox = new PulsarInbox(connection, settings)
    inbox.#link = await transport.read({ topic, after: place.after, name, receiverQueueSize: QUEUE }, inbox, signal)
    return inbox
  }

  // With tenant and namespace: the responder may be at home elsewhere.
  ask(request: Message, correlation: string): Message {
    return asking(request, this.#address, correlation)
  }

  async *receive(signal: AbortSignal): AsyncIterable<readonly Reply[]> {
    const onAbort = () => this.#wake()
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      while (!signal.aborted) {
        const { promise, resolve } = Promise.withResolvers<void>()
        this.#wake = resolve
        const arrived = this.#arrived
        this.#arrived = []
        if (arrived.length > 0) yield arrived.map(received => this.#take(received))
        else if (this.#failure !== undefined) throw this.#failure
        else await promise
      }
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }

  #take(received: Received): Reply {
    // No reader begins in the middle of several partitions.
    if (received.id.partition < 0) this.#place.after = received.token
    this.#link!.taken(received)
    const message = toMessage(received, this.#connection, 1)
    return { correlation: message.properties.correlationId ?? '', message: answering(message, undefined) }
  }

  received(message: Received): void {
    this.#arrived.push(message)
    this.#wake()
  }

  lost(error: SluiceError): void {
    this.#failure ??= error
    this.#wake()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#link?.close(AbortSignal.timeout(CLOSE_MS))
  }
}

/** The topic for answers. Throws OPTIONS_INVALID, also where it is the one that requests go to. */
export function replyTopic(address: string | undefined, sink: SinkOptions, home: Home): TopicName {
  const topic = parseTopic(address ?? '', home)
  if (topic === undefined)
    throw new SluiceError('OPTIONS_INVALID', `reply.address: "${address ?? ''}" cannot be the name of a topic`)
  const { fixedTopic } = new Targets(sink, home)
  if (fixedTopic !== undefined && printTopic(fixedTopic) === printTopic(topic))
    throw new SluiceError('OPTIONS_INVALID', `reply.address: requests go to ${printTopic(topic)}, too`, {
      hint: 'Give answers a topic of their own.',
    })
  return topic
}
