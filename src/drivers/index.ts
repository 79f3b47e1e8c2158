import type { Driver } from '../core/ports.ts'

/** A driver that comes with Sluice. Its client library is loaded only when a connection asks for it. */
export interface DriverEntry {
  readonly name: string
  /** URL schemes without the colon. */
  readonly schemes: readonly string[]
  load(): Promise<Driver>
}

/** Every built-in driver. A further broker is a folder and a line here. */
export const DRIVERS: readonly DriverEntry[] = [
  { name: 'rabbitmq', schemes: ['amqp', 'amqps'], load: async () => (await import('./rabbitmq/driver.ts')).rabbitmq },
  { name: 'kafka', schemes: ['kafka', 'kafkas'], load: async () => (await import('./kafka/driver.ts')).kafka },
  { name: 'nats', schemes: ['nats', 'natss', 'tls'], load: async () => (await import('./nats/driver.ts')).nats },
  {
    name: 'pulsar',
    schemes: ['pulsar', 'pulsar+ssl', 'ws', 'wss'],
    load: async () => (await import('./pulsar/driver.ts')).pulsar,
  },
  { name: 'memory', schemes: ['memory'], load: async () => (await import('./memory/driver.ts')).memory },
]
