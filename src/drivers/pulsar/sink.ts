import { asSluiceError, SluiceError } from '../../core/errors.ts'
import type { Message } from '../../core/message.ts'
import type { Sink } from '../../core/ports.ts'
import type { OpenProducer, Producers } from './producers.ts'
import type { Addressing, Target } from './target.ts'
import { printTopic } from './topic-name.ts'
import type { Prepared } from './transport.ts'

type Result = SluiceError | null

/** Publishes messages, each confirmed by the broker. */
export class PulsarSink implements Sink {
  readonly #targets: Addressing
  readonly #producers: Producers
  readonly #maxMessageBytes: number
  readonly #maxPending: number
  readonly #closed = new AbortController()
  #room = Promise.withResolvers<void>()

  /** @param maxPending most messages of a topic that are on their way at once */
  constructor(targets: Addressing, producers: Producers, limits: { maxMessageBytes: number; maxPending: number }) {
    this.#targets = targets
    this.#producers = producers
    this.#maxMessageBytes = limits.maxMessageBytes
    this.#maxPending = limits.maxPending
  }

  async publish(messages: readonly Message[], signal: AbortSignal): Promise<readonly Result[]> {
    const call = new Call(messages.length)
    const end = (why: string) => {
      call.settleRest(new SluiceError('ABORTED', why))
      this.#wake()
    }
    const giveUp = () => end('publishing was given up')
    const close = () => end('the sink is closed')
    const ended = AbortSignal.any([signal, this.#closed.signal])
    signal.addEventListener('abort', giveUp, { once: true })
    this.#closed.signal.addEventListener('abort', close, { once: true })
    if (this.#closed.signal.aborted) close()
    else if (signal.aborted) giveUp()
    try {
      for (let i = 0; i < messages.length && !call.over; i++) {
        const wait = this.#one(call, i, messages[i]!, ended)
        if (wait !== undefined) await wait
      }
      return await call.done
    } finally {
      signal.removeEventListener('abort', giveUp)
      this.#closed.signal.removeEventListener('abort', close)
    }
  }

  // Waits only for a producer to open and for room: the order of the calls is the order in the topic.
  #one(call: Call, index: number, message: Message, signal: AbortSignal): Promise<void> | undefined {
    try {
      const target = this.#targets.of(message)
      const producer = this.#producers.get(target.topic, signal)
      if (!(producer instanceof Promise) && producer.pending < this.#maxPending)
        return this.#send(call, index, target, producer)
      return this.#later(call, index, target, producer)
    } catch (error) {
      call.settle(index, asSluiceError(error))
      return undefined
    }
  }

  async #later(
    call: Call,
    index: number,
    target: Target,
    opening: OpenProducer | Promise<OpenProducer>,
  ): Promise<void> {
    try {
      const producer = await opening
      while (producer.pending >= this.#maxPending && !call.over) await this.#room.promise
      if (!call.over) this.#send(call, index, target, producer)
    } catch (error) {
      call.settle(index, asSluiceError(error))
    }
  }

  #send(call: Call, index: number, target: Target, producer: OpenProducer): undefined {
    const prepared = this.#fitting(producer, target)
    producer.pending++
    prepared.send(error => {
      producer.pending--
      call.settle(index, error)
      this.#wake()
    })
  }

  #wake(): void {
    this.#room.resolve()
    this.#room = Promise.withResolvers()
  }

  #fitting({ link }: OpenProducer, { topic, outgoing }: Target): Prepared {
    const least = outgoing.payload.length
    const prepared = least > this.#maxMessageBytes ? undefined : link.prepare(outgoing)
    if (prepared !== undefined && prepared.size <= this.#maxMessageBytes) return prepared
    throw new SluiceError(
      'TOO_LARGE',
      `the message takes ${prepared?.size ?? least} bytes on its way to ${printTopic(topic)}, and ${this.#maxMessageBytes} is the most`,
      {
        hint: 'Raise the limit of the broker (`maxMessageSize`; over WebSocket `webSocketMaxTextFrameSize`) and `maxMessageBytes` of the sink, or keep such messages away.',
      },
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort()
    await this.#producers.close()
  }
}

/** One call of `publish`: one result per message, done when it has them all. */
class Call {
  readonly done: Promise<readonly Result[]>
  readonly #results: (Result | undefined)[]
  readonly #resolve: (results: readonly Result[]) => void
  #left: number

  constructor(messages: number) {
    const { promise, resolve } = Promise.withResolvers<readonly Result[]>()
    this.done = promise
    this.#resolve = resolve
    this.#results = new Array(messages)
    this.#left = messages
    if (messages === 0) resolve([])
  }

  get over(): boolean {
    return this.#left === 0
  }

  /** The first result of a message counts. */
  settle(index: number, result: Result): void {
    if (this.#results[index] !== undefined) return
    this.#results[index] = result
    if (--this.#left === 0) this.#resolve(this.#results as Result[])
  }

  settleRest(result: SluiceError): void {
    for (let i = 0; i < this.#results.length; i++) this.settle(i, result)
  }
}
