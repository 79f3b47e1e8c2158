import type { Identity } from './processes.ts'

export const kinds = ['rabbitmq4', 'rabbitmq3', 'kafka', 'nats', 'pulsar', 'redis', 'valkey'] as const
export type Kind = (typeof kinds)[number]

/** What a test, the demo or the bench needs to talk to a broker. Plain data: it can be passed between processes. */
export interface BrokerInfo {
  readonly kind: Kind
  /** `shared`, or the name of a private instance. */
  readonly instance: string
  /** `env`: named by an environment variable. `local`: started by this kit. `docker` is kept for Docker Compose. */
  readonly where: 'env' | 'docker' | 'local'
  /** The plain, unencrypted address: `amqp://user:password@host:port`, or `kafka://`, `nats://`, `ws://`, `redis://` and host:port. */
  readonly url: string
  /** All listeners as `host:port`, by name: see docs/brokers.md. An `env` broker has `plain` only. */
  readonly listeners: Readonly<Record<string, string>>
  /** RabbitMQ's management API. */
  readonly management?: { readonly url: string; readonly user: string; readonly password: string }
  /** NATS' monitoring endpoints. */
  readonly monitoring?: string
  /** Where a proxy has to stand for clients to stay behind it: Kafka tells them an address to go on with. */
  readonly proxy?: { readonly port: number; readonly to: string }
  /** The server's log; `local` only. */
  readonly log?: string
}

/** Everything about one kind of broker that the kit cannot know in general. */
export interface Recipe {
  readonly title: string
  /** The shared instance's first port. */
  readonly base: number
  /** Downloads what is needed; quick when it is there already. Called under a lock of its own. */
  install(): Promise<void>
  /** Writes the configuration for this place, and makes the data directory where there is none yet. */
  configure(place: Place): Promise<void>
  /** Starts the processes; the one called `main` is the broker. `running` holds those that are still up. */
  launch(place: Place, running: Processes): Promise<Processes & { readonly main: Identity }>
  /** One look: does it really answer? May throw: that means no. */
  answers(place: Place): Promise<boolean>
  info(place: Place): Pick<BrokerInfo, 'url' | 'listeners' | 'management' | 'monitoring' | 'proxy'>
}

export type Processes = Readonly<Record<string, Identity>>

/** Where one instance lives. */
export interface Place {
  readonly name: string
  readonly dir: string
  readonly log: string
  readonly base: number
}
