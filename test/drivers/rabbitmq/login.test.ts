import { createServer, type Server } from 'node:http'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { SluiceError } from '../../../src/core/errors.ts'
import { quiet } from '../../../src/core/quiet-log.ts'
import { rabbitmq } from '../../../src/drivers/rabbitmq/driver.ts'
import { given } from '../../brokers/given.ts'
import { tls } from '../../brokers/tls.ts'
import { eventually, KINDS, publishAll, texts, Workbench } from './workbench.ts'

const PASSWORD = 'a-password-nobody-may-see'

/** The error of a check with these options; it must never hold the password. */
async function refusal(options: object): Promise<SluiceError> {
  await using connection = rabbitmq.connect(options, { name: 'login', log: quiet, baseDir: '.' })
  const error = await connection.check(AbortSignal.timeout(120_000)).then(
    () => expect.fail('it was let in'),
    error => error as SluiceError,
  )
  expect(JSON.stringify([error.message, error.hint, String(error.cause)])).not.toContain(PASSWORD)
  return error
}

async function admits(options: object): Promise<void> {
  await using connection = rabbitmq.connect(options, { name: 'login', log: quiet, baseDir: '.' })
  await connection.check(AbortSignal.timeout(120_000))
}

const listen = async <S extends { listen(port: number, host: string, done: () => void): unknown; address(): unknown }>(
  server: S,
) => {
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

describe.each(KINDS)('login on %s', kind => {
  const { url, listeners } = given(kind)
  const plain = listeners['plain']!
  const secure = listeners['tls']!
  const ca = { ca: tls.ca }

  it('wrong host, wrong port, nobody there', async () => {
    for (const host of ['127.0.0.1:1', 'no-such-host.invalid:5672']) {
      const error = await refusal({ url: `amqp://guest:${PASSWORD}@${host}` })
      expect(error).toMatchObject({ code: 'CONNECT_FAILED', fate: 'retry' })
      expect(error.message).toContain(host)
    }
  })

  it('wrong password and wrong user', async () => {
    for (const user of ['guest', 'nobody']) {
      const error = await refusal({ url: `amqp://${user}:${PASSWORD}@${plain}` })
      expect(error).toMatchObject({ code: 'AUTH_FAILED', fate: 'fatal' })
      expect(error.message).toContain(`"${user}"`)
    }
  })

  it('wrong vhost, in the url or beside it', async () => {
    expect(await refusal({ url: `${url}/no%2Fsuch` })).toMatchObject({ code: 'VHOST_MISSING', fate: 'fatal' })
    const error = await refusal({ url, vhost: 'nowhere' })
    expect(error.message).toContain('"nowhere"')
  })

  it('TLS spoken to a plain port, and the other way round', async () => {
    expect(await refusal({ url: `amqps://guest:guest@${plain}`, tls: ca })).toMatchObject({ code: 'TLS_FAILED' })
    const error = await refusal({ url: `amqp://guest:guest@${secure}` })
    expect(error).toMatchObject({ code: 'PROTOCOL_MISMATCH' })
    expect(error.message).toMatch(/TLS/)
  })

  it('an unknown authority, another name in the certificate', async () => {
    expect(await refusal({ url: `amqps://guest:guest@${secure}` })).toMatchObject({ code: 'TLS_FAILED', fate: 'fatal' })
    const error = await refusal({ url: `amqps://guest:guest@${secure}`, tls: { ...ca, servername: 'other.example' } })
    expect(error).toMatchObject({ code: 'TLS_FAILED' })
  })

  it('a client certificate that expired or that a stranger signed', async () => {
    for (const { cert, key } of [tls.expired, tls.stranger]) {
      const error = await refusal({ url: `amqps://${secure}`, auth: 'external', tls: { ...ca, cert, key } })
      expect(['TLS_FAILED', 'AUTH_FAILED', 'CONNECT_FAILED']).toContain(error.code)
    }
  })

  it('lets in over TLS, and by the client certificate alone', async () => {
    await admits({ url: `amqps://guest:guest@${secure}`, tls: ca })
    await admits({ url: `amqps://guest:guest@${secure}`, tls: { rejectUnauthorized: false } })
    const { cert, key } = tls.client
    await admits({ url: `amqps://${secure}`, auth: 'external', tls: { ...ca, cert, key } })
  })

  it('user and password beside the url win', async () => {
    await admits({ url: `amqp://wrong:${PASSWORD}@${plain}`, username: 'guest', password: 'guest' })
  })

  it('tries further hosts in turn', async () => {
    await admits({ url: 'amqp://guest:guest@127.0.0.1:1', hosts: ['127.0.0.1:2', plain] })
    await using bench = await Workbench.open(kind, { url: 'amqp://guest:guest@127.0.0.1:1', hosts: [plain] })
    const queue = await bench.queue()
    await publishAll(await bench.sink({ queue }), texts(3))
    await (await bench.receiver({ queue })).until(3)
  })

  it('without the permission to write, read or configure', async () => {
    await using bench = await Workbench.open(kind)
    const user = `${bench.name}-user`
    await bench.management('PUT', `/api/users/${user}`, { password: PASSWORD, tags: '' })
    try {
      const queue = await bench.queue()
      await bench.management('PUT', `/api/permissions/%2F/${user}`, { configure: '^$', write: '^$', read: '^$' })
      await using poor = await Workbench.open(kind, { username: user, password: PASSWORD })
      const receiver = await poor.receiver({ queue })
      expect(await receiver.ended()).toMatchObject({ code: 'ACCESS_DENIED', fate: 'fatal' })
      const sink = await poor.sink({ queue })
      const results = await sink.publish(texts(3), poor.signal)
      expect(results.map(result => result?.code)).toEqual(['ACCESS_DENIED', 'ACCESS_DENIED', 'ACCESS_DENIED'])
      await expect(poor.source({ queue: poor.queueName() })).rejects.toMatchObject({ code: 'ADDRESS_MISSING' })
      await expect(poor.source({ queue: poor.queueName(), type: 'quorum' })).rejects.toMatchObject({
        code: 'ACCESS_DENIED',
      })
    } finally {
      await bench.management('DELETE', `/api/users/${user}`)
    }
  })

  it('the connections carry a name that the broker shows', async () => {
    await using bench = await Workbench.open(kind, { connectionName: 'sluice-blue' })
    await bench.sink({ queue: await bench.queue() })
    await eventually(async () => {
      const all = (await bench.management('GET', '/api/connections')) as {
        client_properties?: { connection_name?: string }
      }[]
      const names = all.map(one => one.client_properties?.connection_name)
      return names.includes('sluice-blue publish') ? true : undefined
    })
  })
})

describe('a port that speaks something else', () => {
  let web: Server
  const mute = createTcpServer(() => {})
  beforeAll(() => {
    web = createServer((_, answer) => answer.end('hello'))
  })
  afterAll(() => {
    web.close()
    mute.close()
  })

  it('HTTP', async () => {
    const error = await refusal({ url: `amqp://guest:${PASSWORD}@127.0.0.1:${await listen(web)}` })
    expect(error).toMatchObject({ code: 'PROTOCOL_MISMATCH', fate: 'fatal' })
  })

  it('nothing at all', async () => {
    const url = `amqp://guest:${PASSWORD}@127.0.0.1:${await listen(mute)}`
    expect(await refusal({ url, connectTimeout: '300ms' })).toMatchObject({ code: 'TIMED_OUT', fate: 'retry' })
    for (const socket of [mute]) socket.unref()
  })
})
