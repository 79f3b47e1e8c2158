import { randomUUID } from 'node:crypto'
import { SluiceError } from '../../core/errors.ts'
import type { EndpointContext, Sink, Source } from '../../core/ports.ts'
import type { Answerer, InboxOptions, ReplyInbox } from '../../core/reply-ports.ts'
import { bytes, milliseconds } from '../../core/schema.ts'
import type { Address } from './address.ts'
import { Admin, type Backlog } from './admin.ts'
import { ANSWERS, AnswerTargets, PulsarAnswerer } from './answerer.ts'
import type { Marks } from './continuation.ts'
import { Producers } from './producers.ts'
import { type Place, PulsarInbox, replyTopic } from './reply-inbox.ts'
import { PulsarSink } from './sink.ts'
import type { SinkOptions } from './sink-options.ts'
import { PulsarSource } from './source.ts'
import type { CreateOptions, SourceOptions } from './source-options.ts'
import { type Addressing, Targets } from './target.ts'
import { readTopic, type TopicName } from './topic-name.ts'
import type { ConsumerSettings, Transport } from './transport.ts'

/** The client library of the WebSocket API takes no more. */
const RECEIVER_QUEUE = 1_000
/** Most messages of a topic on their way at once. The broker's client library fails what is beyond its own bound. */
const MAX_PENDING = 1_000

/** Opens a source. Throws what is wrong with broker, login, options or topic. `marksOf`: those of a subscription, kept for the next session. */
export async function openSource(
  address: Address,
  transport: Transport,
  options: SourceOptions,
  context: EndpointContext,
  marksOf: (subscription: string) => Marks,
  signal: AbortSignal,
): Promise<Source> {
  refuseLacking(transport, options)
  const { pattern, subscription = `sluice.${context.route}` } = options
  const names = options.topic === undefined ? (options.topics ?? []) : [options.topic]
  const topics = names.map(name => readTopic(name, address.home))
  await createTopics(address, options.create, topics, signal)
  const common: Omit<ConsumerSettings, 'topic'> = {
    subscription,
    type: options.type ?? 'failover',
    from: options.from ?? 'earliest',
    name: `sluice.${context.route}-${randomUUID().slice(0, 8)}`,
    receiverQueueSize: options.receiverQueueSize ?? Math.min(RECEIVER_QUEUE, context.inFlight),
    readCompacted: options.readCompacted ?? false,
  }
  const settings = pattern === undefined ? topics.map(topic => ({ ...common, topic })) : [{ ...common, topic: pattern }]
  const backlog = backlogOf(address, topics, subscription)
  return PulsarSource.open(transport, address.name, settings, context, backlog, marksOf(subscription), signal)
}

/** Opens a sink, and the producer where the topic is the same for every message. */
export async function openSink(
  address: Address,
  transport: Transport,
  options: SinkOptions,
  signal: AbortSignal,
): Promise<Sink> {
  refuseLacking(transport, options)
  const targets = new Targets(options, address.home)
  const { sink, producers } = publisher(address, transport, options, targets)
  try {
    if (targets.fixedTopic !== undefined) await producers.get(targets.fixedTopic, signal)
    return sink
  } catch (error) {
    await sink[Symbol.asyncDispose]()
    throw error
  }
}

/** Opens what answers requests. Does no I/O: each requester has a topic of its own. */
export function openAnswerer(address: Address, transport: Transport): Answerer {
  const targets = new AnswerTargets(address.home)
  return new PulsarAnswerer(publisher(address, transport, ANSWERS, targets).sink, targets)
}

/** Opens an inbox, whose topic is made where the route's sink makes topics. Throws what is wrong with broker, login or topic. */
export async function openInbox(
  address: Address,
  transport: Transport,
  options: InboxOptions,
  place: Place,
  signal: AbortSignal,
): Promise<ReplyInbox> {
  const sink = options.sink as SinkOptions
  const topic = replyTopic(options.address, sink, address.home)
  await createTopics(address, sink.create, [topic], signal)
  return PulsarInbox.open(transport, address.name, { topic, name: options.name, place }, signal)
}

function publisher(address: Address, transport: Transport, options: SinkOptions, targets: Addressing) {
  const settings = {
    timeoutMs: Math.max(1_000, milliseconds(options.timeout ?? '30s')),
    maxPending: MAX_PENDING,
    compression: options.compression ?? 'none',
    batching: options.batching,
    chunking: options.chunking ?? false,
    producerName: options.producerName,
  } as const
  const producers = new Producers(async (topic, lost, closing) => {
    await createTopics(address, options.create, [topic], closing)
    return transport.produce({ ...settings, topic }, { lost }, closing)
  })
  const maxMessageBytes = chunks(options)
    ? Number.POSITIVE_INFINITY
    : options.maxMessageBytes === undefined
      ? transport.maxMessageBytes
      : bytes(options.maxMessageBytes)
  return { sink: new PulsarSink(targets, producers, { maxMessageBytes, maxPending: MAX_PENDING }), producers }
}

function chunks({ chunking, maxMessageBytes }: SinkOptions): boolean {
  return chunking === true && maxMessageBytes === undefined
}

function refuseLacking({ lacks }: Transport, options: object): void {
  for (const [option, value] of Object.entries(options)) {
    const why = lacks[option]
    if (why !== undefined && value !== undefined && value !== false)
      throw new SluiceError('OPTIONS_INVALID', `\`${option}\`: ${why}`)
  }
}

async function createTopics(
  address: Address,
  create: CreateOptions | undefined,
  topics: readonly TopicName[],
  signal: AbortSignal,
): Promise<void> {
  if (create === undefined) return
  if (address.admin === undefined)
    throw new SluiceError('OPTIONS_INVALID', '`create` needs `admin` of the connection: the admin API makes topics')
  const admin = new Admin(address, address.admin)
  for (const topic of topics) await admin.createTopic(topic, create.partitions, signal)
}

function backlogOf(address: Address, topics: readonly TopicName[], subscription: string): Backlog | undefined {
  if (address.admin === undefined || topics.length === 0) return undefined
  const admin = new Admin(address, address.admin)
  return async signal => {
    const all = await Promise.all(topics.map(topic => admin.backlog(topic, subscription, signal)))
    return all.reduce<number | undefined>((sum, one) => (one === undefined ? sum : (sum ?? 0) + one), undefined)
  }
}
