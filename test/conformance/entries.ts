import { kafka } from '../../src/drivers/kafka/driver.ts'
import { createMemoryDriver } from '../../src/drivers/memory/driver.ts'
import { coreNats, nats } from '../../src/drivers/nats/driver.ts'
import { pulsar } from '../../src/drivers/pulsar/driver.ts'
import { rabbitmq } from '../../src/drivers/rabbitmq/driver.ts'
import type { Skip } from './index.ts'
import type { Entry } from './table.ts'

/** Why RabbitMQ is not asked about its ack deadline. */
export const RABBITMQ_SKIPS: readonly Skip[] = [
  {
    cases: [17],
    reason:
      'the ack deadline (`consumer_timeout`, 30 min) cannot be put off by a client; well before it, what is held is given back in order',
  },
]
/** Kafka's deadline is that for heartbeats; the suite sets it this low for case 17. */
export const KAFKA_SESSION_MS = 6_000
/** NATS' consumers wait this long for an ack in the suite; what a killed session held comes again after it. */
export const NATS_ACK_WAIT_MS = 2_000
/** What streams of NATS are not asked. */
export const NATS_STREAM_SKIPS: readonly Skip[] = [
  {
    cases: [19],
    reason: 'the reply subject of a message in a stream is where its ack goes: requests go by subjects of core NATS',
  },
]
/** What core NATS is not asked: it delivers a message once, and no ack goes back. */
export const NATS_CORE_SKIPS: readonly Skip[] = [
  {
    cases: [8, 9],
    reason: 'core NATS delivers a message once and knows no acks: what was not settled at close does not come again',
  },
]

const restart = async () => {}

/** The drivers of this repository, as their test files run them. */
export const ENTRIES: readonly Entry[] = [
  { label: 'RabbitMQ 4.0 and 3.10', driver: rabbitmq, testbed: { restart }, skip: RABBITMQ_SKIPS },
  { label: 'Kafka 4.4', driver: kafka, testbed: { restart, ackDeadlineMs: KAFKA_SESSION_MS }, skip: [] },
  {
    label: 'NATS 2.15, JetStream',
    driver: nats,
    testbed: { restart, ackDeadlineMs: NATS_ACK_WAIT_MS },
    skip: NATS_STREAM_SKIPS,
  },
  { label: 'NATS 2.15, core', driver: coreNats, testbed: {}, skip: NATS_CORE_SKIPS },
  { label: 'Pulsar 4.2, by WebSocket', driver: pulsar, testbed: { restart }, skip: [] },
  { label: 'memory (in the process, for tests)', driver: createMemoryDriver(), testbed: { restart }, skip: [] },
]
