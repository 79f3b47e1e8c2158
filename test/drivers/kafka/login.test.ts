import { mkdtempSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { SluiceError } from '../../../src/core/errors.ts'
import { quiet } from '../../../src/core/quiet-log.ts'
import { kafka } from '../../../src/drivers/kafka/driver.ts'
import { given } from '../../brokers/given.ts'
import { kafkaUsers } from '../../brokers/kafka.ts'
import { tls } from '../../brokers/tls.ts'
import { KafkaLab, message, Reading } from './kafka-lab.ts'

type Options = Record<string, unknown>

const { listeners } = given('kafka')
const at = (listener: string) => listeners[listener] ?? 'kafka-with-all-listeners.invalid:9092'
const alice = `alice:${kafkaUsers.alice}`
const { ca } = tls
const mechanisms = ['plain', 'scram-sha-256', 'scram-sha-512'] as const
const mutual = { url: `kafkas://${at('mutualTls')}`, tls: { ca, cert: tls.client.cert, key: tls.client.key } }

const good: readonly (readonly [string, Options])[] = [
  ['a second broker when the first is dead', { url: `kafka://127.0.0.1:1,${at('plain')}` }],
  ['TLS', { url: `kafkas://${at('tls')}`, tls: { ca } }],
  ['TLS by a name', { url: `kafkas://${at('tls')}`, tls: { ca, servername: 'localhost' } }],
  ['TLS with the authority as text', { url: `kafkas://${at('tls')}`, tls: { ca: text(ca) } }],
  ['mutual TLS', mutual],
  ...mechanisms.flatMap((mechanism): (readonly [string, Options])[] => [
    [`SASL ${mechanism}`, { url: `kafka://${alice}@${at('saslPlain')}`, sasl: { mechanism } }],
    [`SASL ${mechanism} over TLS`, { url: `kafkas://${alice}@${at('saslTls')}`, sasl: { mechanism }, tls: { ca } }],
  ]),
]

// What the wrong twin of each must say.
const bad: readonly (readonly [string, Options, string, RegExp])[] = [
  ['a port where nobody listens', { url: 'kafka://127.0.0.1:1' }, 'CONNECT_FAILED', /ECONNREFUSED/],
  ['a host that does not exist', { url: 'kafka://no-such-host.invalid' }, 'CONNECT_FAILED', /cannot be reached/],
  ['no TLS to a TLS port', { url: `kafka://${at('tls')}` }, 'TLS_FAILED', /use kafkas/],
  ['TLS to a port without', { url: `kafkas://${at('plain')}`, tls: { ca } }, 'TLS_FAILED', /does not speak TLS/],
  ['TLS with an unknown authority', { url: `kafkas://${at('tls')}` }, 'TLS_FAILED', /certificate was not accepted/],
  ['TLS with a stranger’s authority', twin('tls', { ca: tls.strangerCa }), 'TLS_FAILED', /was not accepted/],
  ['TLS by another name', twin('tls', { ca, servername: 'elsewhere' }), 'TLS_FAILED', /ALTNAME/],
  ['mutual TLS without a certificate', twin('mutualTls', { ca }), 'TLS_FAILED', /refused the client certificate/],
  ['mutual TLS of a stranger', twin('mutualTls', { ca, ...pair(tls.stranger) }), 'TLS_FAILED', /refused the client/],
  ['mutual TLS of long ago', twin('mutualTls', { ca, ...pair(tls.expired) }), 'TLS_FAILED', /refused the client/],
  [
    'mutual TLS with another’s key',
    twin('mutualTls', { ca, cert: tls.client.cert, key: tls.stranger.key }),
    'TLS_FAILED',
    /cannot be used/,
  ],
  ['a certificate file that is not there', twin('tls', { ca: 'no-such-file.crt' }), 'OPTIONS_INVALID', /no-such-file/],
  ...mechanisms.map(
    mechanism =>
      [
        `a wrong password, ${mechanism}`,
        { url: `kafka://alice:hunter2@${at('saslPlain')}`, sasl: { mechanism } },
        'AUTH_FAILED',
        /user or password/,
      ] as const,
  ),
  ['a login where none is wanted', { url: `kafka://alice:hunter2@${at('plain')}` }, 'AUTH_FAILED', /wants no login/],
  ['no login where one is wanted', { url: `kafka://${at('saslPlain')}` }, 'CONNECTION_LOST', /instead of an answer/],
  [
    'a login without TLS to a TLS port',
    { url: `kafka://alice:hunter2@${at('saslTls')}` },
    'CONNECTION_LOST',
    /instead of an answer/,
  ],
]

it.each(good)('%s: consumes and publishes', async (_, options) => {
  await using lab = new KafkaLab(given('kafka').url, options)
  await lab.connection.check(lab.signal)
  const topic = await lab.topic()
  const sink = await lab.sink({ topic })
  await lab.publish(sink, [message({ key: 'k' })])
  const reading = new Reading(await lab.source({ topic, group: topic }))
  const [delivery] = await reading.count(1)
  expect(delivery!.message.key).toEqual(Buffer.from('k'))
})

it.each(bad)('%s: says what is wrong, without the password, soon', async (_, options, code, sentence) => {
  const connection = kafka.connect({ connectTimeout: '5s', ...options }, { name: 'lab', log: quiet, baseDir: empty })
  const begin = performance.now()
  const error = await connection.check(AbortSignal.timeout(120_000)).catch((error: unknown) => error)
  expect(error).toBeInstanceOf(SluiceError)
  if (!(error instanceof SluiceError)) return
  expect(error.message).toMatch(sentence)
  expect(error.code).toBe(code)
  expect(`${error.message} ${error.hint}`).not.toContain('hunter2')
  expect(performance.now() - begin).toBeLessThan(60_000)
})

it('a port that accepts and never answers: gives up after connectTimeout', async () => {
  const server = createServer(() => {})
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { readonly port: number }
  const options = { url: `kafka://127.0.0.1:${port}`, connectTimeout: '1s' }
  const connection = kafka.connect(options, { name: 'lab', log: quiet, baseDir: empty })
  const error = await connection.check(AbortSignal.timeout(120_000)).catch((error: unknown) => error)
  expect(error).toMatchObject({ code: 'TIMED_OUT', fate: 'retry' })
  server.close()
})

const empty = mkdtempSync(join(tmpdir(), 'sluice-kafka-'))

function text(path: string): string {
  return readFileSync(path, 'utf8')
}

function twin(listener: string, tls: Options): Options {
  return { url: `kafkas://${at(listener)}`, tls }
}

function pair({ cert, key }: { readonly cert: string; readonly key: string }) {
  return { cert, key }
}
