import { connect } from 'node:net'
import { SluiceError } from '../../core/errors.ts'
import { hostPort, type Server } from './address.ts'
import { natsError } from './errors.ts'

const GREETING = 'INFO '
/** Most characters of a greeting. */
const LONGEST = 2 ** 20

/** What a server says of itself before anybody has logged in, as far as it is used. */
export interface Greeting {
  readonly tls_required?: boolean
  /** It wants a client certificate. */
  readonly tls_verify?: boolean
}

/**
 * Proves that a NATS server answers there: it speaks first. The client library would wait for a silent one with a socket
 * that it never closes. Throws CONNECT_FAILED, TIMED_OUT, PROTOCOL_MISMATCH; the signal's reason when it aborts.
 */
export async function probe(server: Server, timeoutMs: number, signal: AbortSignal): Promise<Greeting> {
  signal.throwIfAborted()
  const where = `connecting to ${hostPort(server)}`
  const { promise, resolve, reject } = Promise.withResolvers<Greeting>()
  const socket = connect({ host: server.host, port: server.port })
  const onAbort = () => reject(signal.reason)
  const onTimeout = () =>
    reject(new SluiceError('TIMED_OUT', `${where}: the server did not answer within ${timeoutMs} ms`))
  const timer = setTimeout(onTimeout, timeoutMs)
  signal.addEventListener('abort', onAbort, { once: true })
  let seen = ''
  socket.on('data', chunk => {
    seen += chunk.toString('latin1')
    const end = seen.indexOf('\r\n')
    if (end < 0 && (seen.length < GREETING.length || (seen.startsWith(GREETING) && seen.length < LONGEST))) return
    try {
      if (!seen.startsWith(GREETING)) throw new SyntaxError('no greeting')
      resolve(JSON.parse(seen.slice(GREETING.length, end)) as Greeting)
    } catch {
      reject(new SluiceError('PROTOCOL_MISMATCH', `${where}: what answers there is no NATS server`))
    }
  })
  socket.on('error', error => reject(natsError(error, where)))
  socket.on('close', () =>
    reject(new SluiceError('CONNECTION_LOST', `${where}: the connection was closed instead of a greeting`)),
  )
  try {
    return await promise
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', onAbort)
    socket.destroy()
  }
}
