import type { Admin, Connection } from '@platformatic/kafka'
import { SluiceError } from '../../core/errors.ts'
import type { EndpointContext } from '../../core/ports.ts'
import type { Directory, Topic } from './directory.ts'
import { kafkaError } from './errors.ts'
import { type BatchOptions, byTopic, makeBatch } from './make-batch.ts'
import { type Batch, PartitionQueue } from './partition-queue.ts'
import { type ProduceAnswer, produce, produceApi } from './produce.ts'
import { outcome } from './produce-outcome.ts'
import { ProducerIdentity } from './producer-identity.ts'
import { batchBroken, type Outgoing } from './publish-call.ts'
import type { KafkaTransactions, Publishing } from './transactions.ts'
import { backoffAfter, Trouble } from './trouble.ts'

/** Most bytes of one request, over all partitions; brokers take up to 100 MiB. */
const MAX_REQUEST = 8 * 2 ** 20

export interface TransmitterOptions extends BatchOptions {
  /** How long the broker may take to reach the in-sync replicas, ms. */
  readonly timeout: number
}

/**
 * Sends records to the leaders of their partitions and stays with each batch until the broker has said what became of it.
 * One batch per partition is under way, one request per broker. A batch whose answer was lost is sent again, byte for
 * byte under the same producer id and sequence number, however long the broker is away: the broker stores it once. Within
 * transactions, where only a new producer id could go on, the transaction is aborted instead.
 */
export class Transmitter implements Publishing {
  readonly #admin: Admin
  readonly #directory: Directory
  readonly #context: EndpointContext
  readonly #options: TransmitterOptions
  readonly #identity: ProducerIdentity
  readonly #transactions: KafkaTransactions | undefined
  readonly #trouble: Trouble
  readonly #queues = new Map<string, PartitionQueue>()
  readonly #ready = new Set<PartitionQueue>()
  readonly #busy = new Set<number>()
  #api: ReturnType<typeof produceApi> | undefined
  #timer: NodeJS.Timeout | undefined
  #scheduled = false
  #closed = false

  constructor(
    admin: Admin,
    directory: Directory,
    options: TransmitterOptions,
    context: EndpointContext,
    transactions?: KafkaTransactions,
  ) {
    this.#transactions = transactions
    this.#admin = admin
    this.#directory = directory
    this.#options = options
    this.#context = context
    this.#trouble = new Trouble(context)
    this.#identity = new ProducerIdentity(admin)
  }

  enqueue(topic: Topic, partition: number, record: Outgoing): void {
    const sequence = `${topic.name}/${partition}`
    let queue = this.#queues.get(sequence)
    if (queue === undefined) {
      queue = new PartitionQueue(topic, partition, sequence)
      this.#queues.set(sequence, queue)
    }
    queue.topic = topic
    queue.add(record)
    this.#ready.add(queue)
    this.#schedule()
  }

  /** What waits belongs to publish calls that have failed. */
  broken(): void {
    for (const queue of this.#queues.values()) {
      queue.abandoned()
      queue.take(Number.POSITIVE_INFINITY)
    }
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
    this.#ready.clear()
  }

  // Everything enqueued in one go is looked at together.
  #schedule(): void {
    if (this.#scheduled || this.#closed) return
    this.#scheduled = true
    queueMicrotask(() => {
      this.#scheduled = false
      this.#dispatch()
    })
  }

  #dispatch(): void {
    if (this.#closed) return
    clearTimeout(this.#timer)
    const now = Date.now()
    let next = Number.POSITIVE_INFINITY
    const byLeader = new Map<number, PartitionQueue[]>()
    for (const queue of this.#ready) {
      if (queue.sending) continue
      if (queue.idle) {
        this.#ready.delete(queue)
        continue
      }
      const { leader } = queue
      if (queue.notBefore > now) next = Math.min(next, queue.notBefore)
      else if (!this.#busy.has(leader)) {
        const list = byLeader.get(leader)
        if (list === undefined) byLeader.set(leader, [queue])
        else list.push(queue)
      }
    }
    for (const [leader, queues] of byLeader) void this.#send(leader, queues)
    if (next < Number.POSITIVE_INFINITY) this.#timer = setTimeout(() => this.#dispatch(), next - now)
  }

  async #send(leader: number, queues: readonly PartitionQueue[]): Promise<void> {
    this.#busy.add(leader)
    let chosen: PartitionQueue[] = []
    try {
      const broker = this.#directory.broker(leader)
      if (broker === undefined) throw new SluiceError('UNAVAILABLE', `${queues[0]!.sequence} has no leader now`)
      for (const queue of queues) queue.sending = true
      chosen = [...queues]
      const connection = await this.#admin.connections.get(broker)
      chosen = await this.#prepare(queues, connection)
      if (this.#transactions !== undefined) chosen = await this.#added(this.#transactions, chosen)
      const topics = byTopic(chosen)
      if (topics.length > 0) {
        this.#api ??= produceApi(this.#admin)
        const { timeout } = this.#options
        for (const answer of await produce(await this.#api, connection, timeout, topics, this.#transactions?.id))
          this.#answered(answer)
      }
    } catch (error) {
      this.#api?.catch(() => {
        this.#api = undefined
      })
      this.#failed(chosen.length > 0 ? chosen : queues, error)
    } finally {
      for (const queue of queues) queue.sending = false
      this.#busy.delete(leader)
      this.#schedule()
    }
  }

  /** Makes the batches that are not made yet; leaves out queues beyond the size of a request, or with nothing to send. */
  async #prepare(queues: readonly PartitionQueue[], connection: Connection): Promise<PartitionQueue[]> {
    const chosen: PartitionQueue[] = []
    let total = 0
    for (const queue of queues) {
      if (queue.batch === undefined) {
        const serial = this.#transactions?.serial
        const identify = () => this.#transactions?.identity() ?? this.#identity.get(connection)
        const batch = await makeBatch(queue, this.#options, identify)
        if (serial !== this.#transactions?.serial) queue.abandoned()
        else queue.batch = batch
        if (queue.batch === undefined) continue
        if (queue.batch.bytes.length > queue.topic.maxMessageBytes) {
          this.#tooLarge(queue, queue.batch)
          continue
        }
      }
      chosen.push(queue)
      total += queue.batch.bytes.length
      if (total >= MAX_REQUEST) break
    }
    return chosen
  }

  /** The queues whose partitions are part of the transaction; those of one that was aborted meanwhile have no batch any more. */
  async #added(transactions: KafkaTransactions, queues: readonly PartitionQueue[]): Promise<PartitionQueue[]> {
    const partitions = queues.map(({ topic, partition }) => ({ topic: topic.name, partition }))
    try {
      await transactions.add(this, partitions)
    } catch (error) {
      const known = kafkaError(error, `adding ${queues[0]!.sequence} to the transaction`)
      if (known.code !== 'TRANSACTION_ABORTED') this.#refuse(queues, known)
    }
    return queues.filter(queue => queue.batch !== undefined)
  }

  /** Fails what is to be sent; within transactions all that was published with it. */
  #refuse(queues: readonly PartitionQueue[], error: SluiceError): void {
    for (const queue of queues) {
      const records = [...(queue.batch?.records ?? []), ...queue.take(Number.POSITIVE_INFINITY)]
      if (queue.batch !== undefined) {
        this.#identity.giveUp()
        queue.abandoned()
      }
      this.#fail(queue, records, error)
    }
    this.#transactions?.abort('publishing failed', error)
  }

  #answered(answer: ProduceAnswer): void {
    const queue = this.#queues.get(`${answer.topic}/${answer.partition}`)
    const batch = queue?.batch
    if (queue === undefined || batch === undefined) return
    switch (outcome(answer)) {
      case 'stored':
        queue.stored(batch)
        for (const { call, index } of batch.records) call.settle(index, null)
        this.#trouble.end()
        return
      case 'again':
        return this.#again(queue, kafkaError(answer.error, `publishing to ${answer.topic}`))
      case 'too large':
        void this.#directory.refresh(answer.topic)
        return this.#tooLarge(queue, batch)
      case 'identity lost':
        if (this.#transactions !== undefined)
          return this.#transactions.abort('the broker ended the transaction', answer.error)
        this.#context.log.warn(
          { partition: queue.sequence, reason: answer.error?.message },
          'the broker has lost the state of this producer; going on under a new producer id, the last batch may be stored twice',
        )
        return this.#renew(queue, batch)
      case 'refused':
        return this.#refused(queue, batch, answer)
    }
  }

  /** No answer: the batches stay and are sent again, unless nothing but an operator can help. */
  #failed(queues: readonly PartitionQueue[], cause: unknown): void {
    const error = kafkaError(cause, 'publishing')
    if (error.fate !== 'retry') return this.#refuse(queues, error)
    for (const queue of queues) this.#again(queue, error)
  }

  #again(queue: PartitionQueue, error: SluiceError): void {
    queue.failures++
    queue.notBefore = Date.now() + backoffAfter(queue.failures)
    this.#ready.add(queue)
    this.#trouble.begin(error)
    // The leader may have moved, or the topic may be gone.
    void this.#directory.refresh(queue.topic.name).then(exists => {
      if (!exists) this.#gone(queue)
    })
  }

  #gone(queue: PartitionQueue): void {
    if (queue.sending) return
    this.#refuse([queue], new SluiceError('ADDRESS_MISSING', `the topic ${queue.topic.name} does not exist any more`))
  }

  /** One record is too large, or together they are: halved until it shows which. */
  #tooLarge(queue: PartitionQueue, batch: Batch): void {
    queue.refused()
    if (batch.records.length === 1) {
      const limit = Math.min(queue.topic.maxMessageBytes, batch.bytes.length - 1)
      const why = `the record takes ${batch.bytes.length} bytes, and ${queue.topic.name} takes ${limit} at most`
      return this.#fail(queue, batch.records, new SluiceError('TOO_LARGE', why))
    }
    queue.putBack(batch.records, Math.ceil(batch.records.length / 2))
    this.#ready.add(queue)
  }

  #renew(queue: PartitionQueue, batch: Batch): void {
    this.#identity.giveUp()
    queue.abandoned()
    queue.putBack(batch.records)
    this.#ready.add(queue)
  }

  /** The broker will not store this batch. Where it names the records, only those are to blame. */
  #refused(queue: PartitionQueue, batch: Batch, answer: ProduceAnswer): void {
    const known = kafkaError(answer.error, `publishing to ${queue.sequence}`)
    if (known.scope === 'endpoint' && this.#transactions !== undefined) return this.#refuse([queue], known)
    queue.refused()
    const blamed = new Map(answer.refused.map(({ index, reason }) => [index, reason]))
    if (blamed.size === 0) return this.#fail(queue, batch.records, known)
    const rest: Outgoing[] = []
    for (const [at, record] of batch.records.entries()) {
      const reason = blamed.get(at)
      if (reason === undefined) rest.push(record)
      else this.#fail(queue, [record], new SluiceError('MESSAGE_REFUSED', reason ?? known.message, { cause: known }))
    }
    queue.putBack(rest)
    this.#ready.add(queue)
  }

  /** Settles records with an error; what stands behind them in their runs is not stored. */
  #fail(queue: PartitionQueue, records: readonly Outgoing[], error: SluiceError): void {
    for (const record of records) {
      const { call, index } = record
      call.settle(index, call.isBroken(queue.sequence, record) && error.scope === 'message' ? batchBroken() : error)
      call.break(queue.sequence, record)
    }
    if (!queue.idle) this.#ready.add(queue)
    this.#schedule()
  }
}
