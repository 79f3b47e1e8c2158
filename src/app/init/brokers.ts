/** What `sluice init` writes about one kind of broker. `name` is that of a queue, topic or subject. */
export interface Broker {
  readonly title: string
  /** Environment variable that holds the url, and what stands in for it. */
  readonly variable: string
  readonly url: string
  readonly schemes: readonly string[]
  /** What is read from, in words: "queue". */
  readonly place: string
  /** Dead letters can be kept there. */
  readonly durable: boolean
  /** Lines of `from`, `to` and `deadLetter` below their `connection`. */
  from(name: string, route: string): readonly string[]
  to(name: string): readonly string[]
  dead(name: string): readonly string[]
  /** `to` of an expected message in routes.test.yaml. */
  target(name: string): string
}

const streamName = (name: string): string => name.toUpperCase().replace(/[^A-Z0-9_-]/g, '_')

/** Kinds of brokers by the name they have on the command line. */
export const BROKERS = {
  rabbitmq: {
    title: 'RabbitMQ',
    variable: 'RABBITMQ_URL',
    url: 'amqp://guest:guest@localhost:5672',
    schemes: ['amqp', 'amqps'],
    place: 'queue',
    durable: true,
    from: name => [
      `queue: ${name} # taken as it is; declared, durable, where there is none`,
      '# bind: [{ exchange: shop, type: topic, keys: ["order.#"] }]',
    ],
    to: name => [
      `queue: ${name} # declared where there is none; or instead of it:`,
      '# exchange: shop',
      '# routingKey: order.${headers.kind}',
    ],
    dead: name => [`queue: ${name}.dead`],
    target: name => `{ queue: ${name} }`,
  },
  kafka: {
    title: 'Kafka',
    variable: 'KAFKA_URL',
    url: 'kafka://localhost:9092',
    schemes: ['kafka', 'kafkas'],
    place: 'topic',
    durable: true,
    from: (name, route) => [
      `topic: ${name}`,
      `group: sluice.${route}`,
      '# from: earliest # where the group has not read yet',
    ],
    to: name => [
      `topic: ${name}`,
      'key: "${key}" # chooses the partition, and what keeps its order; e.g. ${headers.user_id}',
      'create: { partitions: 6, replication: 1 } # a missing topic; in a cluster replication: 3',
    ],
    dead: name => [`topic: ${name}.dead`, 'create: { partitions: 1, replication: 1 }'],
    target: name => `{ topic: ${name} }`,
  },
  jetstream: {
    title: 'NATS JetStream',
    variable: 'NATS_URL',
    url: 'nats://localhost:4222',
    schemes: ['nats', 'natss', 'tls'],
    place: 'subject',
    durable: true,
    from: (name, route) => [
      `stream: ${streamName(name)}`,
      `consumer: sluice-${route.replaceAll('.', '-')}`,
      `create: { subjects: [${name}] } # a missing stream`,
    ],
    to: name => [
      `stream: ${streamName(name)}`,
      `subject: ${name}`,
      `create: { subjects: [${name}] } # a missing stream; in a cluster with replicas: 3`,
    ],
    dead: name => [`stream: ${streamName(name)}_DEAD`, `subject: ${name}.dead`, `create: { subjects: [${name}.dead] }`],
    target: name => `{ stream: ${streamName(name)}, subject: ${name} }`,
  },
  nats: {
    title: 'NATS (core, keeps nothing)',
    variable: 'NATS_URL',
    url: 'nats://localhost:4222',
    schemes: ['nats', 'natss', 'tls'],
    place: 'subject',
    durable: false,
    from: name => [`subject: ${name} # what is published while nobody listens is gone: core NATS keeps nothing`],
    to: name => [`subject: ${name} # who does not listen at that moment never gets it: core NATS keeps nothing`],
    dead: () => [],
    target: name => `{ subject: ${name} }`,
  },
  pulsar: {
    title: 'Pulsar',
    variable: 'PULSAR_URL',
    url: 'ws://localhost:8080',
    schemes: ['ws', 'wss', 'pulsar', 'pulsar+ssl'],
    place: 'topic',
    durable: true,
    from: (name, route) => [`topic: ${name}`, `subscription: sluice.${route}`],
    to: name => [`topic: ${name}`, 'key: "${key}" # chooses the partition, and what keeps its order'],
    dead: name => [`topic: ${name}.dead`],
    target: name => `{ topic: ${name} }`,
  },
} as const satisfies Readonly<Record<string, Broker>>

export type BrokerName = keyof typeof BROKERS
