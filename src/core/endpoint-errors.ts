import { type ErrorKind, errorKind as kind } from './error-kind.ts'

/** Errors of a broker, a connection, an address or a store: every message would fail alike. */
export const ENDPOINT_ERRORS = {
  // The endpoint is away: hold, probe, go on by itself.
  CONNECT_FAILED: kind(
    'retry',
    'endpoint',
    'The broker could not be reached.',
    'Check the host and port in the connection url, and that the broker is up. Sluice keeps trying.',
  ),
  CONNECTION_LOST: kind(
    'retry',
    'endpoint',
    'The connection to the broker was lost.',
    'Nothing to do if the broker is restarting; Sluice reconnects by itself.',
  ),
  CHANNEL_LOST: kind(
    'retry',
    'endpoint',
    'The broker closed the channel or session.',
    'Read the reason in the message; Sluice opens a new one by itself.',
  ),
  UNAVAILABLE: kind(
    'retry',
    'endpoint',
    'The broker answered that it cannot serve the request now.',
    'Check the health of the broker (disk, memory, leader elections).',
  ),
  TIMED_OUT: kind(
    'retry',
    'endpoint',
    'The broker did not answer in time.',
    'Check the load and the network of the broker; raise the time-out if it is merely slow.',
  ),
  SOURCE_STUCK: kind(
    'retry',
    'endpoint',
    'The source has lag but delivers nothing.',
    'Nothing to do: Sluice rebuilds the source. If it recurs, look at the broker.',
  ),
  STORE_AWAY: kind(
    'retry',
    'endpoint',
    'The store of `dedup` or of a window did not answer.',
    'Check the disk or the server of the store; the route holds meanwhile.',
  ),
  TRANSACTION_ABORTED: kind(
    'retry',
    'endpoint',
    'A transaction was aborted: nothing of it is visible, and its messages are taken again.',
    'Nothing to do where a broker restarted or the group was divided anew. If it recurs, read the reason in the message.',
  ),

  // The endpoint refuses: an operator has to act; the route holds and keeps probing.
  AUTH_FAILED: kind(
    'fatal',
    'endpoint',
    'The broker refused the credentials.',
    'Correct the user, password, token or certificate of the connection.',
  ),
  ACCESS_DENIED: kind(
    'fatal',
    'endpoint',
    'The user may not do this.',
    'Grant the permission (RabbitMQ: configure/write/read; Kafka: ACL) to the user of the connection.',
  ),
  VHOST_MISSING: kind(
    'fatal',
    'endpoint',
    'The virtual host does not exist.',
    'Create the vhost, or correct the path of the connection url.',
  ),
  ADDRESS_MISSING: kind(
    'fatal',
    'endpoint',
    'The queue, exchange, topic or stream does not exist.',
    'Create it, correct its name, or let Sluice create it (`create`/`declare`).',
  ),
  ADDRESS_MISMATCH: kind(
    'fatal',
    'endpoint',
    'The address exists with other properties than the route declares.',
    'Make `arguments`, type and durability equal to the existing ones, or use `passive: true`.',
  ),
  ADDRESS_IN_USE: kind(
    'fatal',
    'endpoint',
    'Somebody else has exclusive use of the address.',
    'Stop the other consumer, or use another name.',
  ),
  TLS_FAILED: kind(
    'fatal',
    'endpoint',
    'The TLS handshake failed.',
    'Check that the port speaks TLS, and the CA, certificate and key of the connection.',
  ),
  PROTOCOL_MISMATCH: kind(
    'fatal',
    'endpoint',
    'What answered does not speak the expected protocol.',
    'Check the port and the scheme (amqp/amqps, kafka/kafkas) of the url.',
  ),
  NOT_SUPPORTED: kind(
    'fatal',
    'endpoint',
    'The broker, its version or this machine lacks a feature the route asks for.',
    'Upgrade the broker, install what the message names, or leave the option out.',
  ),
  RECORDS_UNREADABLE: kind(
    'fatal',
    'endpoint',
    'What the broker holds cannot be read.',
    'The message says what is wrong. Mend the producer; to go on behind the records, move the group’s committed offset.',
  ),
  OPTIONS_INVALID: kind(
    'fatal',
    'endpoint',
    'An option has a value that cannot work.',
    'Correct the option named in the message.',
  ),
} as const satisfies Record<string, ErrorKind>
