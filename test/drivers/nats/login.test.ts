import { readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { SluiceError } from '../../../src/core/errors.ts'
import { quiet } from '../../../src/core/quiet-log.ts'
import { nats } from '../../../src/drivers/nats/driver.ts'
import { given } from '../../brokers/given.ts'
import { natsLogins, natsToken, natsUsers } from '../../brokers/nats-logins.ts'
import { tls } from '../../brokers/tls.ts'
import { message, NatsLab, Reading } from './nats-lab.ts'

type Options = { readonly url: string } & Record<string, unknown>

const SECRET = 'hunter2'
const { url, listeners } = given('nats')
const at = (listener: string) => listeners[listener] ?? 'nats-with-all-listeners.invalid:4222'
const plain = `nats://${at('plain')}`
const { ca } = tls
const mutual = (pair: { readonly cert: string; readonly key: string }): Options => ({
  url: `tls://${at('mutualTls')}`,
  tls: { ca, cert: pair.cert, key: pair.key },
})

const good: readonly (readonly [string, Options])[] = [
  ['nobody', { url: plain }],
  ['a second server when the first is dead', { url: `nats://127.0.0.1:1,${at('plain')}` }],
  ['a user with a password in the url', { url: `nats://alice:${natsUsers.alice}@${at('plain')}` }],
  ['a user with a password beside it', { url: plain, username: 'alice', password: natsUsers.alice }],
  ['an nkey in a file', { url: plain, nkey: natsLogins.nkey }],
  ['an nkey as text', { url: plain, nkey: text(natsLogins.nkey) }],
  ['a token in the url', { url: `nats://${natsToken}@${at('token')}` }],
  ['a token beside it', { url: `nats://${at('token')}`, token: natsToken }],
  ['a creds file', { url: `nats://${at('creds')}`, creds: natsLogins.creds }],
  ['creds as text', { url: `nats://${at('creds')}`, creds: text(natsLogins.creds) }],
  ['TLS', { url: `tls://${at('tls')}`, tls: { ca } }],
  ['TLS, said by natss', { url: `natss://${at('tls')}`, tls: { ca } }],
  ['TLS, said by the options', { url: `nats://${at('tls')}`, tls: { ca } }],
  ['TLS by a name', { url: `tls://${at('tls')}`, tls: { ca, servername: 'localhost' } }],
  ['TLS with the authority as text', { url: `tls://${at('tls')}`, tls: { ca: text(ca) } }],
  ['mutual TLS', mutual(tls.client)],
]

// What the wrong twin of each must say.
const bad: readonly (readonly [string, Options, string, RegExp])[] = [
  ['a port where nobody listens', { url: 'nats://127.0.0.1:1' }, 'CONNECT_FAILED', /ECONNREFUSED/],
  ['a host that does not exist', { url: 'nats://no-such-host.invalid' }, 'CONNECT_FAILED', /cannot be reached/],
  [
    'a dead server and one that refuses',
    { url: `nats://alice:${SECRET}@127.0.0.1:1,${at('plain')}` },
    'AUTH_FAILED',
    /refused/,
  ],
  ['a wrong password', { url: `nats://alice:${SECRET}@${at('plain')}` }, 'AUTH_FAILED', /refused the credentials/],
  ['a user nobody knows', { url: `nats://nobody:${SECRET}@${at('plain')}` }, 'AUTH_FAILED', /refused the credentials/],
  ['an nkey nobody knows', { url: plain, nkey: natsLogins.strangerNkey }, 'AUTH_FAILED', /refused the credentials/],
  [
    'an nkey file that is not there',
    { url: plain, nkey: 'no-such-file.nk' },
    'OPTIONS_INVALID',
    /`nkey` cannot be read/,
  ],
  ['a wrong token', { url: `nats://${SECRET}@${at('token')}` }, 'AUTH_FAILED', /refused the credentials/],
  ['no token where one is wanted', { url: `nats://${at('token')}` }, 'AUTH_FAILED', /wants some/],
  [
    'creds of an account nobody knows',
    { url: `nats://${at('creds')}`, creds: natsLogins.strangerCreds },
    'AUTH_FAILED',
    /refused/,
  ],
  [
    'creds that have expired',
    { url: `nats://${at('creds')}`, creds: natsLogins.expiredCreds },
    'AUTH_FAILED',
    /refused|expired/,
  ],
  ['no creds where some are wanted', { url: `nats://${at('creds')}` }, 'AUTH_FAILED', /refused/],
  ['a creds file that holds none', { url: `nats://${at('creds')}`, creds: ca }, 'AUTH_FAILED', /no credentials file/],
  ['no TLS to a TLS port', { url: `nats://${at('tls')}` }, 'TLS_FAILED', /use tls:/],
  ['TLS to a port without', { url: `tls://${at('plain')}`, tls: { ca } }, 'TLS_FAILED', /does not speak TLS/],
  ['TLS with an unknown authority', { url: `tls://${at('tls')}` }, 'TLS_FAILED', /certificate was not accepted/],
  [
    'TLS with a stranger’s authority',
    { url: `tls://${at('tls')}`, tls: { ca: tls.strangerCa } },
    'TLS_FAILED',
    /not accepted/,
  ],
  ['TLS by another name', { url: `tls://${at('tls')}`, tls: { ca, servername: 'elsewhere' } }, 'TLS_FAILED', /ALTNAME/],
  [
    'mutual TLS without a certificate',
    { url: `tls://${at('mutualTls')}`, tls: { ca } },
    'TLS_FAILED',
    /client certificate/,
  ],
  ['mutual TLS of a stranger', mutual(tls.stranger), 'TLS_FAILED', /client certificate/],
  ['mutual TLS of long ago', mutual(tls.expired), 'TLS_FAILED', /client certificate/],
  [
    'mutual TLS with another’s key',
    mutual({ cert: tls.client.cert, key: tls.stranger.key }),
    'TLS_FAILED',
    /cannot be used/,
  ],
  [
    'a certificate file that is not there',
    { url: plain, tls: { ca: 'no-such-file.crt' } },
    'OPTIONS_INVALID',
    /tls\.ca: the file no-such-file\.crt cannot be read/,
  ],
]

async function refusal(options: Options): Promise<SluiceError> {
  await using connection = nats.connect({ connectTimeout: '5s', ...options }, { name: 'lab', log: quiet, baseDir: '.' })
  const error = await connection.check(AbortSignal.timeout(120_000)).catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(SluiceError)
  return error as SluiceError
}

it.each(good)('%s: consumes and publishes', async (_, options) => {
  await using connection = nats.connect(options, { name: 'lab', log: quiet, baseDir: '.' })
  const context = { route: 'lab', inFlight: 10, inFlightBytes: 2 ** 20, log: quiet, status: () => {} }
  const { signal } = new AbortController()
  await connection.check(signal)
  const subject = `login.${process.pid}`
  await using source = await connection.source({ subject }, context, signal)
  const reading = new Reading(source)
  await using sink = await connection.sink({ subject }, context, signal)
  expect(await sink.publish([message({ key: 'k' })], signal)).toEqual([null])
  const [delivery] = await reading.count(1)
  expect(delivery!.message.key).toEqual(Buffer.from('k'))
  await reading.stop()
})

it.each(bad)('%s: says what is wrong, without the password, soon', async (_, options, code, sentence) => {
  const begin = performance.now()
  const error = await refusal(options)
  expect(error.message).toMatch(sentence)
  expect(error.code).toBe(code)
  expect(`${error.message} ${error.hint} ${String(error.cause)}`).not.toContain(SECRET)
  expect(performance.now() - begin).toBeLessThan(60_000)
})

it('a port that accepts and never answers: gives up after connectTimeout', async () => {
  const server = createServer(() => {})
  onTestFinished(() => void server.close())
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { readonly port: number }
  const error = await refusal({ url: `nats://127.0.0.1:${port}`, connectTimeout: '1s' })
  expect(error).toMatchObject({ code: 'TIMED_OUT', fate: 'retry' })
})

it('a port of something else: says that it is no NATS', async () => {
  const server = createServer(socket => socket.end('220 mail.example ready\r\n'))
  onTestFinished(() => void server.close())
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { readonly port: number }
  expect(await refusal({ url: `nats://127.0.0.1:${port}` })).toMatchObject({ code: 'PROTOCOL_MISMATCH', fate: 'fatal' })
})

it('a creds file that is renewed is read at the next connect', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'sluice-creds-'))
  onTestFinished(() => rm(dir, { recursive: true }))
  const file = join(dir, 'user.creds')
  writeFileSync(file, text(natsLogins.expiredCreds))
  const options = { url: `nats://${at('creds')}`, creds: 'user.creds' }
  await using connection = nats.connect(options, { name: 'lab', log: quiet, baseDir: dir })
  const signal = AbortSignal.timeout(120_000)
  await expect(connection.check(signal)).rejects.toMatchObject({ code: 'AUTH_FAILED', fate: 'fatal' })
  writeFileSync(file, text(natsLogins.creds))
  await connection.check(signal)
})

it('who may not publish or subscribe is told so, for each direction and kind', async () => {
  await using lab = await NatsLab.open(url)
  const stream = await lab.stream()
  const options = { url: `nats://guest:${natsUsers.guest}@${at('plain')}`, requestTimeout: '5s' }
  await using connection = nats.connect(options, { name: 'guest', log: quiet, baseDir: '.' })
  const { signal } = lab
  const denied = { code: 'ACCESS_DENIED', fate: 'fatal', scope: 'endpoint' }
  // What is allowed works.
  const mine = await connection.sink({ subject: 'guest.a' }, lab.context(), signal)
  expect(await mine.publish([message()], signal)).toEqual([null])
  const foreign = await connection.sink({ subject: '${subject}' }, lab.context(), signal)
  const results = await foreign.publish([message({ subject: 'guest.b' }), message({ subject: 'other.c' })], signal)
  expect(results).toEqual([null, expect.objectContaining(denied)])
  expect(results[1]!.message).toContain('other.c')
  await expect(connection.source({ subject: 'other.>' }, lab.context(), signal)).rejects.toMatchObject(denied)
  await expect(connection.source({ stream }, lab.context(), signal)).rejects.toMatchObject(denied)
  await expect(connection.sink({ stream, subject: stream }, lab.context(), signal)).rejects.toMatchObject(denied)
})

function text(path: string): string {
  return readFileSync(path, 'utf8').trimEnd()
}
