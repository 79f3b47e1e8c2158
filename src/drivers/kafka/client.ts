import { Admin } from '@platformatic/kafka'
import type { Kafka, logLevel as LogLevel, SASLOptions } from 'kafkajs'
import type { Log } from '../../core/ports.ts'
import { type Address, hostPort } from './address.ts'
import { loadKafkajs } from './kafkajs.ts'
import type { Sockets } from './socket.ts'

const MECHANISMS = { plain: 'PLAIN', 'scram-sha-256': 'SCRAM-SHA-256', 'scram-sha-512': 'SCRAM-SHA-512' } as const

/** Settings of @platformatic/kafka's clients: no retries of its own, so that every wait is ours to abort. */
export function platformaticOptions(address: Address) {
  return {
    clientId: address.clientId,
    bootstrapBrokers: address.brokers.map(hostPort),
    connectTimeout: address.connectTimeout,
    requestTimeout: address.requestTimeout,
    retries: 0,
    autocreateTopics: false,
    ...(address.tls === undefined ? {} : { tls: address.tls }),
    ...(address.login === undefined
      ? {}
      : {
          sasl: {
            mechanism: MECHANISMS[address.login.mechanism],
            username: address.login.username,
            password: address.login.password,
          },
        }),
  }
}

/** A client for metadata, administration and connections to brokers; opens none before it is asked. */
export function adminClient(address: Address): Admin {
  const client = new Admin(platformaticOptions(address))
  // Failures reach whoever asked; an 'error' event that nobody listens to would end the process.
  client.on('error', () => {})
  client.connections.on('connecting', ({ connection }) => void connection.on('error', () => {}))
  return client
}

/** kafkajs' client for consuming; opens no connection by itself. Who disconnects it closes `sockets` then. */
export function kafkajsClient(address: Address, log: Log, sockets: Sockets): Kafka {
  const kafkajs = loadKafkajs()
  return new kafkajs.Kafka({
    clientId: address.clientId,
    brokers: address.brokers.map(hostPort),
    connectionTimeout: address.connectTimeout,
    authenticationTimeout: address.connectTimeout,
    requestTimeout: address.requestTimeout,
    // About three minutes, then it gives up and the engine makes a new source: what is in flight then comes again.
    retry: { initialRetryTime: 100, multiplier: 2, factor: 0.2, maxRetryTime: 3_000, retries: 60 },
    socketFactory: sockets.factory,
    logLevel: kafkajs.logLevel.INFO,
    logCreator: () => entry => relay(log, kafkajs.logLevel, entry),
    ...(address.tls === undefined ? {} : { ssl: address.tls }),
    ...(address.login === undefined ? {} : { sasl: address.login as SASLOptions }),
  })
}

interface Entry {
  readonly namespace: string
  readonly level: LogLevel
  readonly log: {
    readonly message: string
    readonly groupId?: string
    readonly error?: unknown
    readonly broker?: string
  }
}

// What these say reaches the user through an error of the source or its status; twice would be noise.
const REPORTED = /^(Connection|BrokerPool|Consumer|Runner|Cluster|RequestQueue)$/

function relay(log: Log, levels: typeof LogLevel, { namespace, level, log: entry }: Entry): void {
  const fields = { kafkajs: namespace, group: entry.groupId, broker: entry.broker }
  if (level === levels.ERROR && !REPORTED.test(namespace)) log.warn(fields, entry.message)
  else log.debug(fields, entry.message)
}
