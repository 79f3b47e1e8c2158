import { connect, type NatsConnection } from 'nats'
import { SluiceError } from '../../core/errors.ts'
import { abortable } from '../../core/waiting.ts'
import { hostPort, type Server } from './address.ts'
import type { ConnectionOptions } from './connection-options.ts'
import { natsError } from './errors.ts'
import { authenticator, type Settings, tlsFor } from './login.ts'
import { probe } from './probe.ts'

export interface Dialing {
  readonly options: ConnectionOptions
  readonly settings: Settings
  readonly baseDir: string
  /** Shown beside the name of the connection: `consume`, `publish`. */
  readonly purpose: string
}

/**
 * A connection to the first server that lets us in; it does not reconnect by itself. Throws what most tells: a refusal
 * (AUTH_FAILED, TLS_FAILED, …) before a server that is away; the signal's reason when it aborts.
 */
export async function dial(dialing: Dialing, servers: readonly Server[], signal: AbortSignal): Promise<NatsConnection> {
  let telling: SluiceError | undefined
  for (const server of servers) {
    try {
      return await dialOne(dialing, server, signal)
    } catch (error) {
      signal.throwIfAborted()
      const known = natsError(error, `connecting to ${hostPort(server)}`)
      if (telling === undefined || (telling.fate === 'retry' && known.fate !== 'retry')) telling = known
    }
  }
  throw telling ?? new SluiceError('CONNECT_FAILED', 'there is no server to connect to')
}

async function dialOne(
  { options, settings, baseDir, purpose }: Dialing,
  server: Server,
  signal: AbortSignal,
): Promise<NatsConnection> {
  const { address, connectTimeoutMs, name, inboxPrefix, pingIntervalMs } = settings
  const tls = tlsFor(options, address, server, baseDir)
  const login = authenticator(options, address, baseDir)
  let certificateWanted = false
  if (options.tls?.handshakeFirst !== true) {
    const { tls_required: required, tls_verify: verify } = await probe(server, connectTimeoutMs, signal)
    certificateWanted = verify === true
    if (required === true && tls === null)
      throw new SluiceError('TLS_FAILED', `connecting to ${hostPort(server)}: the server wants TLS: use tls://`)
  }
  const connecting = connect({
    servers: [hostPort(server)],
    name: `${name} ${purpose}`,
    // The engine opens anew, with backoff and jitter, for ever; a session that outlives its connection could lose count.
    reconnect: false,
    timeout: connectTimeoutMs,
    pingInterval: pingIntervalMs,
    maxPingOut: 2,
    inboxPrefix,
    ignoreClusterUpdates: true,
    // The system's own resolver knows search domains and /etc/hosts; the library's does not.
    resolve: false,
    noAsyncTraces: true,
    authenticator: login,
    // null: no TLS even where the server offers it, which would be checked against authorities nobody named.
    tls: tls as never,
  })
  try {
    return await abortable(connecting, signal)
  } catch (error) {
    // Given up: one that opens after all is closed again.
    connecting.then(late => late.close()).catch(() => {})
    signal.throwIfAborted()
    throw certificateWanted ? withoutCertificate(error, `connecting to ${hostPort(server)}`) : error
  }
}

// In TLS 1.3 a client has finished its handshake before the server looks at the certificate, and what the server says
// of it may be overtaken by the end of the connection.
function withoutCertificate(error: unknown, doing: string): unknown {
  const known = natsError(error, doing)
  if (known.code !== 'CONNECTION_LOST') return error
  const why = 'the connection broke in the TLS handshake: the server refused the client certificate, or wants one'
  return new SluiceError('TLS_FAILED', `${doing}: ${why}`, { cause: error })
}
