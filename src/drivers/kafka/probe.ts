import { SluiceError } from '../../core/errors.ts'
import { abortable } from '../../core/waiting.ts'
import { type Address, place } from './address.ts'
import { adminClient } from './client.ts'
import { kafkaError } from './errors.ts'

/**
 * Proves that the brokers are there and let us in, TLS and login included, within connectTimeout per broker.
 * Throws CONNECT_FAILED, TIMED_OUT, TLS_FAILED, AUTH_FAILED, PROTOCOL_MISMATCH; the signal's reason when it aborts.
 */
export async function probe(address: Address, signal: AbortSignal): Promise<void> {
  const client = adminClient({ ...address, requestTimeout: address.connectTimeout })
  // What a socket says in its last moment (a TLS alert) does not reach the one who waits for an answer.
  const last: unknown[] = []
  client.connections.on('connecting', ({ connection }) => void connection.on('error', error => last.push(error)))
  try {
    await abortable(client.metadata({ topics: [] }), signal)
  } catch (error) {
    signal.throwIfAborted()
    const doing = `connecting to ${place(address)}`
    const known = kafkaError(new AggregateError([error, ...last]), doing)
    if (known.code !== 'CONNECTION_LOST') throw known
    throw new SluiceError('CONNECTION_LOST', `${doing}: the connection was closed instead of an answer`, {
      cause: error,
      hint: 'If that persists: is it a Kafka broker, and does it want a login (`sasl`) or TLS (`kafkas://`)?',
    })
  } finally {
    await client.close().catch(() => {})
  }
}
