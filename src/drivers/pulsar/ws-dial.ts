import type { IncomingMessage } from 'node:http'
import { isIP, type Socket } from 'node:net'
import WebSocket, { type ClientOptions, type RawData } from 'ws'
import { SluiceError } from '../../core/errors.ts'
import type { Address } from './address.ts'
import { refused, translate } from './errors.ts'

/** Longest reason of a refusal that is read, in bytes. */
const REASON_BYTES = 16 * 1024
/** A message of 5 MiB as base64 in JSON, and properties; of anything larger the connection is ended. */
const MAX_FRAME_BYTES = 64 * 1024 * 1024

// The same answer from every host of a cluster: the next one would refuse as well.
const FINAL: ReadonlySet<string> = new Set(['AUTH_FAILED', 'ACCESS_DENIED', 'ABORTED', 'OPTIONS_INVALID'])

/** An open WebSocket, and the connection under it. */
export interface Dialled {
  readonly socket: WebSocket
  readonly wire: Socket
}

/**
 * Opens a WebSocket on the first host that lets us. `path` begins behind `/ws/v2`.
 * @param received gets every frame: one that the broker sends at once comes before the promise has told anybody
 * Throws CONNECT_FAILED, TIMED_OUT, TLS_FAILED, AUTH_FAILED, ACCESS_DENIED, ADDRESS_MISSING, ADDRESS_IN_USE, UNAVAILABLE, ….
 */
export async function dial(
  address: Address,
  path: string,
  what: string,
  signal: AbortSignal,
  received?: (data: RawData) => void,
): Promise<Dialled> {
  const errors: SluiceError[] = []
  for (const host of address.hosts) {
    if (signal.aborted) throw new SluiceError('ABORTED', 'connecting was given up')
    try {
      return await upgrade(address, host, path, what, signal, received)
    } catch (error) {
      const known = translate(error, `${what} at ${host}`, 'CONNECT_FAILED')
      if (FINAL.has(known.code)) throw known
      errors.push(known)
    }
  }
  // A broker that answers knows better than one that does not.
  throw errors.find(error => error.fate === 'fatal') ?? errors.at(-1)!
}

function upgrade(
  address: Address,
  host: string,
  path: string,
  what: string,
  signal: AbortSignal,
  received: ((data: RawData) => void) | undefined,
): Promise<Dialled> {
  const { promise, resolve, reject } = Promise.withResolvers<Dialled>()
  let wire: Socket | undefined
  const socket = new WebSocket(`${address.scheme}://${host}${address.path}/ws/v2${path}`, options(address, host))
  if (received !== undefined) socket.on('message', received)
  const timer = setTimeout(() => {
    fail(new SluiceError('TIMED_OUT', `${what} at ${host}: no answer within ${address.connectTimeoutMs} ms`))
  }, address.connectTimeoutMs)
  const onAbort = () => fail(new SluiceError('ABORTED', 'connecting was given up'))
  const finish = () => {
    clearTimeout(timer)
    signal.removeEventListener('abort', onAbort)
  }
  const fail = (error: unknown) => {
    finish()
    reject(error)
    socket.terminate()
  }
  signal.addEventListener('abort', onAbort, { once: true })
  if (signal.aborted) onAbort()
  // Stays: what comes after a failure must not end the process.
  socket.on('error', fail)
  socket.on('unexpected-response', (_, response) => {
    reasonOf(response)
      .then(reason => fail(refused(response.statusCode ?? 0, reason, `${what} at ${host}`)))
      .catch(fail)
  })
  socket.on('upgrade', response => {
    wire = response.socket
  })
  socket.on('open', () => {
    finish()
    resolve({ socket, wire: wire! })
  })
  return promise
}

function options({ scheme, token, tls, connectTimeoutMs }: Address, host: string): ClientOptions {
  const name = host.slice(0, host.lastIndexOf(':')).replace(/^\[|\]$/g, '')
  return {
    perMessageDeflate: false,
    maxPayload: MAX_FRAME_BYTES,
    handshakeTimeout: connectTimeoutMs,
    // Bodies are base64 and names come from Jackson: what is not UTF-8 shows when it is parsed.
    skipUTF8Validation: true,
    ...(token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } }),
    ...(scheme === 'ws' ? {} : { ...(isIP(name) ? {} : { servername: name }), ...tls }),
  }
}

// Jetty answers in HTML, or in JSON for those who ask for it; the message stands behind "MESSAGE:" or in the heading.
async function reasonOf(response: IncomingMessage): Promise<string> {
  let text = ''
  for await (const part of response) {
    text += String(part)
    if (text.length > REASON_BYTES) break
  }
  response.destroy()
  return plainReason(text)
}

/** The reason in an error page of the broker, as one line without markup. */
export function plainReason(page: string): string {
  const heading = /<h2>(?:HTTP ERROR \d+ )?(.*?)<\/h2>/s.exec(page)?.[1] ?? /<title>(.*?)<\/title>/s.exec(page)?.[1]
  const plain = (heading ?? page)
    .replace(/<[^>]*>/g, ' ')
    .replace(/&quot;|&apos;/g, '"')
    .replace(/&lt;/g, '<')
    .replace(/&gt;/g, '>')
    .replace(/&amp;/g, '&')
    .replace(/\s+/g, ' ')
    .trim()
  const inner = /"errorMsg":\s*"(.*?)",\s*"reqId"/.exec(plain)?.[1] ?? plain
  return inner.replace(/^Error \d+ /, '').slice(0, 300)
}
