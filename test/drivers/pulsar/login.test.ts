import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { SluiceError } from '../../../src/core/errors.ts'
import { type Broker, startBroker } from '../../brokers/broker.ts'
import { newNamespace, permit } from '../../brokers/pulsar-admin.ts'
import { pulsarKeys, pulsarToken } from '../../brokers/pulsar-login.ts'
import { clientName, tls } from '../../brokers/tls.ts'
import { pulsarLab, topicName } from './pulsar-lab.ts'

type Options = Readonly<Record<string, unknown>>

let broker: Broker
beforeAll(async () => {
  broker = await startBroker('pulsar', { instance: `auth-${process.pid}` })
  await permit(broker, 'app', 'public/default')
  await permit(broker, clientName, 'public/default')
})
afterAll(() => broker[Symbol.asyncDispose]())

const at = (listener: 'plain' | 'tls') => broker.listeners[listener]!
const token = pulsarToken('app')
const { ca } = tls

const good: readonly (readonly [string, () => Options])[] = [
  ['a token', () => ({ url: `ws://${at('plain')}`, token })],
  ['a token over TLS', () => ({ url: `wss://${at('tls')}`, token, tls: { ca } })],
  ['a token over TLS, the authority as text', () => ({ url: `wss://${at('tls')}`, token, tls: { ca: text(ca) } })],
  ['TLS by a name', () => ({ url: `wss://${at('tls')}`, token, tls: { ca, servername: 'localhost' } })],
  ['any certificate, if one must', () => ({ url: `wss://${at('tls')}`, token, tls: { rejectUnauthorized: false } })],
  [
    'a client certificate',
    () => ({ url: `wss://${at('tls')}`, tls: { ca, cert: tls.client.cert, key: tls.client.key } }),
  ],
  ['a second host when the first is dead', () => ({ url: `ws://127.0.0.1:1,${at('plain')}`, token })],
]

test.each(good)('%s: writes and reads', async (_, options) => {
  const lab = pulsarLab(broker.url)
  const connection = lab.connect(options())
  await connection.check(lab.signal)
  const topic = topicName()
  const sink = await lab.sink({ topic }, connection)
  const sent = lab.message({ key: 'k' })
  await lab.publish(sink, [sent])
  const address = { name: topic, sink: { topic }, source: () => ({ topic }) }
  const receiver = await lab.receiver(address, { connection })
  const [delivery] = await receiver.take(1)
  expect(delivery!.message.id).toBe(sent.id)
})

// What the wrong twin of each must say.
const bad: readonly (readonly [string, () => Options, string, RegExp])[] = [
  ['no token', () => ({ url: `ws://${at('plain')}` }), 'AUTH_FAILED', /login/],
  ['a token of another key', () => ({ url: `ws://${at('plain')}`, token: foreign }), 'AUTH_FAILED', /login/],
  ['a token that expired', () => ({ url: `ws://${at('plain')}`, token: expired }), 'AUTH_FAILED', /login/],
  ['what is no token', () => ({ url: `ws://${at('plain')}`, token: 'hunter2' }), 'AUTH_FAILED', /login/],
  ['no token over TLS', () => ({ url: `wss://${at('tls')}`, tls: { ca } }), 'AUTH_FAILED', /login/],
  ['an authority nobody named', () => ({ url: `wss://${at('tls')}`, token }), 'TLS_FAILED', /certificate/],
  ['a stranger’s authority', () => secure({ ca: tls.strangerCa }), 'TLS_FAILED', /certificate/],
  ['another name', () => secure({ ca, servername: 'elsewhere' }), 'TLS_FAILED', /altnames|elsewhere/i],
  ['a stranger’s certificate', () => certified(tls.stranger), 'TLS_FAILED', /login/],
  ['a certificate of long ago', () => certified(tls.expired), 'TLS_FAILED', /login/],
  ['TLS to a port without', () => ({ url: `wss://${at('plain')}`, token, tls: { ca } }), 'TLS_FAILED', /login/],
  ['no TLS to a port with it', () => ({ url: `ws://${at('tls')}`, token }), 'PROTOCOL_MISMATCH', /login/],
  ['a port where nobody listens', () => ({ url: 'ws://127.0.0.1:1', token }), 'CONNECT_FAILED', /ECONNREFUSED/],
  ['a host that does not exist', () => ({ url: 'ws://no-such-host.invalid', token }), 'CONNECT_FAILED', /no-such-host/],
  ['a certificate file that is not there', () => secure({ ca: 'no-such-file.crt' }), 'OPTIONS_INVALID', /no-such-file/],
]

const foreign = pulsarToken('app', pulsarKeys.wrong)
const expired = pulsarToken('app', pulsarKeys.right, 1_600_000_000)
const secure = (options: Options): Options => ({ url: `wss://${at('tls')}`, token, tls: options })
const certified = ({ cert, key }: { readonly cert: string; readonly key: string }): Options => ({
  url: `wss://${at('tls')}`,
  tls: { ca, cert, key },
})

test.each(bad)('%s: says what is wrong, without the token, soon', async (_, options, code, sentence) => {
  const lab = pulsarLab(broker.url)
  const connection = lab.connect({ connectTimeout: '5s', ...options() })
  const begin = performance.now()
  const error = await connection.check(lab.signal).catch((error: unknown) => error)
  expect(error).toBeInstanceOf(SluiceError)
  if (!(error instanceof SluiceError)) return
  expect(`${error.code}: ${error.message}`).toMatch(new RegExp(`^${code}: .*${sentence.source}`, 'i'))
  for (const secret of ['hunter2', token, foreign]) expect(`${error.message} ${error.hint}`).not.toContain(secret)
  expect(performance.now() - begin).toBeLessThan(60_000)
})

test('without the permission to write or read: fatal', async () => {
  const lab = pulsarLab(broker.url)
  const connection = lab.connect({ url: `ws://${at('plain')}`, token })
  const topic = `${await newNamespace(broker)}/${topicName()}`
  await expect(lab.sink({ topic }, connection)).rejects.toMatchObject({ code: 'ACCESS_DENIED', fate: 'fatal' })
  await expect(lab.source({ topic }, { connection })).rejects.toMatchObject({ code: 'ACCESS_DENIED', fate: 'fatal' })
  // It is let in all the same.
  await connection.check(lab.signal)
})

function text(path: string): string {
  return readFileSync(path, 'utf8')
}
