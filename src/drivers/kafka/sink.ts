import type { Admin } from '@platformatic/kafka'
import { asSluiceError, SluiceError } from '../../core/errors.ts'
import type { Message } from '../../core/message.ts'
import type { Sink } from '../../core/ports.ts'
import type { Directory, Topic } from './directory.ts'
import { partitionOf } from './murmur2.ts'
import { batchBroken, PublishCall, type Result } from './publish-call.ts'
import type { Recall } from './recall.ts'
import { batchSizeAlone, type Compression, recordSize } from './record-batch.ts'
import type { Addressing, Target } from './target.ts'
import type { KafkaTransactions, Publishing } from './transactions.ts'
import type { Transmitter } from './transmitter.ts'

/** Publishes messages as records, idempotently and with acks=all; within transactions where the route has them. */
export class KafkaSink implements Sink, Publishing {
  readonly #admin: Admin
  readonly #targets: Addressing
  readonly #directory: Directory
  readonly #transmitter: Transmitter
  readonly #compression: Compression
  readonly #recall: Recall | undefined
  readonly #transactions: KafkaTransactions | undefined
  readonly #calls = new Set<PublishCall>()
  #closed = false

  constructor(
    admin: Admin,
    targets: Addressing,
    directory: Directory,
    transmitter: Transmitter,
    compression: Compression,
    recall: Recall | undefined,
    transactions: KafkaTransactions | undefined,
  ) {
    this.#transactions = transactions
    transactions?.join(this)
    this.#recall = recall
    this.#admin = admin
    this.#targets = targets
    this.#directory = directory
    this.#transmitter = transmitter
    this.#compression = compression
  }

  // Only a topic that is the same for every message can be read back.
  get position(): Sink['position'] {
    return this.#recall === undefined ? undefined : signal => this.#recall!.position(signal)
  }

  get recall(): Sink['recall'] {
    return this.#recall === undefined ? undefined : (...asked) => this.#recall!.recall(...asked)
  }

  async publish(
    messages: readonly Message[],
    signal: AbortSignal,
    runs?: readonly number[],
  ): Promise<readonly Result[]> {
    const call = new PublishCall(messages.length, runs)
    if (this.#closed || signal.aborted) {
      call.settleRest(new SluiceError('ABORTED', this.#closed ? 'the sink is closed' : 'the publishing was given up'))
      return call.done
    }
    const onAbort = () => {
      call.settleRest(new SluiceError('ABORTED', 'the publishing was given up'))
      this.#transactions?.abort('the publishing was given up')
    }
    signal.addEventListener('abort', onAbort, { once: true })
    this.#calls.add(call)
    try {
      const targets = messages.map((message, index) => this.#target(call, message, index))
      const unknown = new Set<string>()
      for (const target of targets)
        if (target !== undefined && this.#directory.known(target.topic) === undefined) unknown.add(target.topic)
      const failures = unknown.size > 0 ? await this.#lookUp(unknown, signal) : undefined
      this.#enqueue(call, messages, targets, failures)
      return await call.done
    } catch (error) {
      call.settleRest(asSluiceError(error))
      return call.done
    } finally {
      signal.removeEventListener('abort', onAbort)
      this.#calls.delete(call)
    }
  }

  broken(): void {
    for (const call of this.#calls) call.settleRest(batchBroken('the transaction was aborted'))
    this.#transmitter.broken()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#transactions?.leave(this, this.#transmitter)
    this.#transmitter.close()
    for (const call of this.#calls) call.settleRest(new SluiceError('ABORTED', 'the sink is closed'))
    await this.#admin.close().catch(() => {})
  }

  #target(call: PublishCall, message: Message, index: number): Target | undefined {
    try {
      return this.#targets.of(message)
    } catch (error) {
      call.settle(index, asSluiceError(error))
      call.break('', { index, key: null })
      return undefined
    }
  }

  async #lookUp(names: ReadonlySet<string>, signal: AbortSignal): Promise<ReadonlyMap<string, SluiceError>> {
    const failures = new Map<string, SluiceError>()
    await Promise.all(
      [...names].map(async name => {
        try {
          await this.#directory.find(name, signal)
        } catch (error) {
          failures.set(name, asSluiceError(error))
        }
      }),
    )
    return failures
  }

  #enqueue(
    call: PublishCall,
    messages: readonly Message[],
    targets: readonly (Target | undefined)[],
    failures: ReadonlyMap<string, SluiceError> | undefined,
  ): void {
    const sticky = new Map<Topic, number>()
    for (const [index, target] of targets.entries()) {
      if (target === undefined || call.over) continue
      const topic = this.#directory.known(target.topic)
      if (topic === undefined) {
        call.settle(
          index,
          failures?.get(target.topic) ?? new SluiceError('ADDRESS_MISSING', `the topic ${target.topic} does not exist`),
        )
        continue
      }
      const partition = target.partition ?? choose(topic, target, sticky)
      const sequence = `${topic.name}/${partition}`
      const { key, headers, timestamp } = target
      const fields = { key, value: messages[index]!.bytes, headers, timestamp }
      const size = recordSize(fields)
      const failure = call.isBroken(sequence, { index, key }) ? batchBroken() : this.#refusal(topic, partition, size)
      if (failure === undefined) {
        this.#transmitter.enqueue(topic, partition, { ...fields, call, index, size })
      } else {
        call.settle(index, failure)
        call.break(sequence, { index, key })
      }
    }
  }

  #refusal(topic: Topic, partition: number, size: number): SluiceError | undefined {
    if (partition >= topic.leaders.length) {
      void this.#directory.refresh(topic.name)
      return new SluiceError(
        'MESSAGE_REFUSED',
        `${topic.name} has ${topic.leaders.length} partitions, no partition ${partition}`,
      )
    }
    const needed = batchSizeAlone(size)
    // Packed, it may fit: that shows when it is packed.
    if (needed <= topic.maxMessageBytes || this.#compression !== 'none') return undefined
    return new SluiceError(
      'TOO_LARGE',
      `the record takes ${needed} bytes with headers, and ${topic.name} takes ${topic.maxMessageBytes} at most`,
      { hint: 'Raise `max.message.bytes` of the topic, or keep such messages away.' },
    )
  }
}

/** By the key, as Java producers do; without one, a partition per publish in turn, so that batches stay whole. */
function choose(topic: Topic, { key }: Target, sticky: Map<Topic, number>): number {
  if (key !== null) return partitionOf(key, topic.leaders.length)
  let partition = sticky.get(topic)
  if (partition === undefined) {
    partition = topic.sticky++ % topic.leaders.length
    sticky.set(topic, partition)
  }
  return partition
}
