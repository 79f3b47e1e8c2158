import { pbkdf2Sync, randomBytes } from 'node:crypto'
import { Admin, alterUserScramCredentialsV0 } from '@platformatic/kafka'
import type { Broker } from '../brokers/broker.ts'

/** Kafka's numbers, as its protocol has them. */
const [ALL, ALLOW, LITERAL, PREFIXED] = [2, 3, 3, 4] as const
const RESOURCES = { topic: 2, group: 3, transactionalId: 5 } as const
const MECHANISMS = { 'scram-sha-256': [1, 32, 'sha256'], 'scram-sha-512': [2, 64, 'sha512'] } as const

export type Mechanism = keyof typeof MECHANISMS

/** Who may do what on a Kafka broker, changed as an operator would. */
export class KafkaAccess implements AsyncDisposable {
  readonly #admin: Admin
  readonly #host: string

  constructor(kafka: Broker) {
    this.#host = new URL(kafka.url).host
    this.#admin = new Admin({ clientId: 'operator', bootstrapBrokers: [this.#host], retries: 5 })
  }

  /** Lets the user log in with this password. */
  async password(username: string, mechanism: Mechanism, password: string): Promise<void> {
    const [number, length, hash] = MECHANISMS[mechanism]
    const salt = randomBytes(16)
    const saltedPassword = pbkdf2Sync(password, salt, 4_096, length, hash)
    const [host, port] = this.#host.split(':') as [string, string]
    const connection = await this.#admin.connections.get({ host, port: Number(port) })
    const user = { name: username, mechanism: number, iterations: 4_096, salt, saltedPassword }
    await alterUserScramCredentialsV0.api.async(connection, [], [user])
  }

  /** Lets the user do everything with the resource, and nobody else who was not let. */
  async allow(username: string, resource: keyof typeof RESOURCES, name: string, prefixed = false): Promise<void> {
    await this.#admin.createAcls({
      creations: [
        {
          resourceType: RESOURCES[resource],
          resourceName: name,
          resourcePatternType: prefixed ? PREFIXED : LITERAL,
          principal: `User:${username}`,
          host: '*',
          operation: ALL,
          permissionType: ALLOW,
        },
      ],
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#admin.close()
  }
}
