import type { Kind } from '../brokers/kinds.ts'
import type { Arrived, SourceEnd, TargetEnd } from '../streams/ends.ts'
import { KafkaEnd } from '../streams/kafka-end.ts'
import { NatsEnd } from '../streams/nats-end.ts'
import { PulsarEnd } from '../streams/pulsar-end.ts'
import { RabbitEnd } from '../streams/rabbit-end.ts'
import { CoreEnd } from './core-end.ts'

export type End = SourceEnd & TargetEnd & { read(): Promise<void>; readonly arrived: readonly Arrived[] }

/** One of the five places a route can take from or put to. */
export interface PairKind {
  readonly name: string
  readonly broker: Kind
  /** Its own client can send a null body. */
  readonly sendsNull: boolean
  /** A witness tells null from empty there. */
  readonly seesNull: boolean
  /** Core NATS keeps nothing: who is not there at the moment gets nothing. */
  readonly fleeting: boolean
  /** More of `from:`, so that a killed gateway's messages come again soon. */
  readonly from?: object
  /** More of `to:`. */
  readonly to?: object
  /** Makes the address. */
  create(url: string, name: string): Promise<void>
  /** An end of an address that is there, and stays. */
  open(url: string, name: string): Promise<End>
}

export const kinds: readonly PairKind[] = [
  {
    name: 'rabbitmq',
    broker: 'rabbitmq4',
    sendsNull: false,
    seesNull: false,
    fleeting: false,
    async create(url, queue) {
      await using end = await RabbitEnd.open({ url, queue, type: 'none' })
      await end.channel.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': 'quorum' } })
    },
    open: (url, queue) => RabbitEnd.open({ url, queue, type: 'none' }),
  },
  {
    name: 'kafka',
    broker: 'kafka',
    sendsNull: true,
    seesNull: true,
    fleeting: false,
    from: { from: 'earliest', sessionTimeout: '3s', heartbeatInterval: '500ms' },
    async create(url, topic) {
      await using end = await KafkaEnd.open({ url, topic, create: false })
      await end.create()
    },
    open: (url, topic) => KafkaEnd.open({ url, topic, create: false }),
  },
  {
    name: 'jetstream',
    broker: 'nats',
    sendsNull: false,
    seesNull: true,
    fleeting: false,
    async create(url, stream) {
      await using end = await NatsEnd.open({ url, stream, create: false })
      await end.create()
    },
    open: (url, stream) => NatsEnd.open({ url, stream, create: false }),
  },
  {
    name: 'nats',
    broker: 'nats',
    sendsNull: false,
    seesNull: true,
    fleeting: true,
    async create() {},
    open: (url, subject) => CoreEnd.open(url, subject),
  },
  {
    name: 'pulsar',
    broker: 'pulsar',
    sendsNull: true,
    seesNull: true,
    fleeting: false,
    // The kit's brokers take larger WebSocket frames than the default.
    to: { maxMessageBytes: '4MiB' },
    async create(url, topic) {
      await using _ = await PulsarEnd.open({ url, topic })
    },
    open: (url, topic) => PulsarEnd.open({ url, topic }),
  },
]
