import type { BrokerInfo, Kind } from './kinds.ts'

/** The variables that name brokers to use instead of starting some. */
export const variables: Readonly<Record<Kind, string>> = {
  rabbitmq4: 'SLUICE_RABBITMQ_URL',
  rabbitmq3: 'SLUICE_RABBITMQ3_URL',
  kafka: 'SLUICE_KAFKA_URL',
  nats: 'SLUICE_NATS_URL',
  pulsar: 'SLUICE_PULSAR_URL',
  redis: 'SLUICE_REDIS_URL',
  valkey: 'SLUICE_VALKEY_URL',
}

const usualPorts: Readonly<Record<Kind, number>> = {
  rabbitmq4: 5672,
  rabbitmq3: 5672,
  kafka: 9092,
  nats: 4222,
  pulsar: 8080,
  redis: 6379,
  valkey: 6379,
}

/** The broker that the environment names for this kind, if it does. RabbitMQ's management API is taken to be on 15672. */
export function fromEnvironment(kind: Kind, env: NodeJS.ProcessEnv = process.env): BrokerInfo | undefined {
  const url = env[variables[kind]]
  if (!url) return undefined
  const { hostname, port, username, password } = new URL(url)
  const plain = `${hostname}:${port || usualPorts[kind]}`
  const common = { kind, instance: 'shared', where: 'env', url, listeners: { plain } } as const
  if (kind !== 'rabbitmq4' && kind !== 'rabbitmq3') return common
  const management = {
    url: env[`${variables[kind].replace(/_URL$/, '')}_MANAGEMENT_URL`] || `http://${hostname}:15672`,
    user: decodeURIComponent(username) || 'guest',
    password: decodeURIComponent(password) || 'guest',
  }
  return { ...common, management }
}
