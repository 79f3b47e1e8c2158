import { connect as connectSocket } from 'node:net'
import { type ChannelModel, connect, credentials } from 'amqplib'
import { describe, SluiceError } from '../../core/errors.ts'
import { aborting } from '../../core/waiting.ts'
import { replyCode, translate } from './errors.ts'
import type { Host, Login } from './login.ts'

/**
 * Opens one AMQP connection to the first host that lets us in. `purpose` is added to the name the broker shows.
 * Throws CONNECT_FAILED, TIMED_OUT, AUTH_FAILED, VHOST_MISSING, TLS_FAILED, PROTOCOL_MISMATCH.
 */
export async function dial(login: Login, purpose: string, signal: AbortSignal): Promise<ChannelModel> {
  const errors: SluiceError[] = []
  for (const host of login.hosts) {
    if (signal.aborted) throw new SluiceError('ABORTED', 'connecting was given up')
    try {
      return await interruptible(open(login, host, purpose), signal)
    } catch (error) {
      const known = await explain(error, login, host)
      // A cluster has one user database: the next host would refuse as well.
      if (known.code === 'AUTH_FAILED' || known.code === 'VHOST_MISSING' || known.code === 'ABORTED') throw known
      errors.push(known)
    }
  }
  throw errors.find(error => error.fate === 'retry') ?? errors[0]!
}

function open(login: Login, host: Host, purpose: string): Promise<ChannelModel> {
  return connect(
    {
      protocol: login.secure ? 'amqps' : 'amqp',
      hostname: host.hostname,
      port: host.port,
      username: login.username,
      password: login.password,
      vhost: encodeURIComponent(login.vhost),
      heartbeat: login.heartbeat,
    },
    {
      ...login.tls,
      noDelay: true,
      keepAlive: true,
      timeout: login.connectTimeoutMs,
      clientProperties: { connection_name: `${login.name} ${purpose}`, product: 'Sluice' },
      ...(login.external ? { credentials: credentials.external() } : {}),
    },
  )
}

// amqplib cannot be interrupted: a connection that opens after the abort is closed again.
async function interruptible(opening: Promise<ChannelModel>, signal: AbortSignal): Promise<ChannelModel> {
  try {
    return await aborting(opening, signal)
  } catch (error) {
    if (signal.aborted) opening.then(closeQuietly, () => {})
    throw error
  }
}

async function closeQuietly(model: ChannelModel): Promise<void> {
  model.on('error', () => {})
  await model.close().catch(() => {})
}

async function explain(error: unknown, login: Login, host: Host): Promise<SluiceError> {
  const where = `${host.hostname.includes(':') ? `[${host.hostname}]` : host.hostname}:${host.port}`
  const text = describe(error)
  const fail = (code: SluiceError['code'], message: string) => new SluiceError(code, message, { cause: error })
  if (error instanceof SluiceError) return error
  if (text === 'connect ETIMEDOUT')
    return fail('TIMED_OUT', `${where} did not finish the AMQP handshake within ${login.connectTimeoutMs} ms`)
  if (/Expected ConnectionOpenOk; got <ConnectionClose/.test(text))
    return fail(
      'VHOST_MISSING',
      `${where} has no vhost "${login.vhost}", or the user ${login.external ? 'of the certificate' : `"${login.username}"`} may not use it`,
    )
  const reply = replyCode(error)
  if (reply === 403)
    return fail(
      'AUTH_FAILED',
      login.external
        ? `${where} refused the client certificate`
        : `${where} refused the user "${login.username}" or its password`,
    )
  if (/SASL mechanism/.test(text))
    return fail('NOT_SUPPORTED', `${where} does not offer ${login.external ? 'EXTERNAL' : 'PLAIN'} authentication`)
  if (/^(Frame size|Invalid frame|Unknown frame|Expected|Frame on channel)/.test(text) && reply === undefined)
    return fail('PROTOCOL_MISMATCH', `${where} does not answer in AMQP 0-9-1`)
  if (
    /Socket closed abruptly|ECONNRESET/.test(text) &&
    !login.secure &&
    (await speaksTls(host, login.connectTimeoutMs))
  )
    return fail('PROTOCOL_MISMATCH', `${where} speaks TLS, but the url begins with amqp://`)
  if (
    login.secure &&
    /WRONG_VERSION_NUMBER|wrong version number|packet length too long/i.test(
      text + String((error as NodeJS.ErrnoException).code),
    )
  )
    return fail('TLS_FAILED', `${where} does not speak TLS, but the url begins with amqps://`)
  if (login.secure && /alert/i.test(text))
    return fail('TLS_FAILED', `${where} refused the TLS handshake: ${alert(text)}`)
  return translate(error, `cannot connect to ${where}`, 'CONNECT_FAILED')
}

// OpenSSL's line is colon-separated; the words of the alert are what a person can use.
function alert(text: string): string {
  return /alert ([a-z ]+)/i.exec(text)?.[1]?.trim() ?? text
}

/** True when the port answers an AMQP greeting with a TLS record. */
function speaksTls(host: Host, timeoutMs: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const socket = connectSocket(host.port, host.hostname)
  const done = (answer: boolean) => {
    socket.destroy()
    resolve(answer)
  }
  socket.setTimeout(Math.min(timeoutMs, 2000), () => done(false))
  socket.on('connect', () => socket.write('AMQP\0\0\x09\x01'))
  socket.on('data', data => done(data[0] === 0x15 || data[0] === 0x16))
  socket.on('error', () => done(false))
  socket.on('close', () => done(false))
  return promise
}
