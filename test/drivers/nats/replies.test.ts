import { randomUUID } from 'node:crypto'
import { headers } from 'nats'
import { expect, test } from 'vitest'
import { quiet } from '../../../src/core/quiet-log.ts'
import type { InboxOptions } from '../../../src/core/reply-ports.ts'
import { nats } from '../../../src/drivers/nats/driver.ts'
import { given } from '../../brokers/given.ts'
import { natsUsers } from '../../brokers/nats-logins.ts'
import { proxyFor } from '../../brokers/proxy.ts'
import { Ear } from '../../replies/ear.ts'
import { until } from '../../streams/ends.ts'
import { message, NatsLab } from './nats-lab.ts'
import { RawClient } from './raw-client.ts'

const { url, listeners } = given('nats')

const options = (more: Partial<InboxOptions> = {}): InboxOptions => ({
  name: `lab-${randomUUID().slice(0, 13)}`,
  address: undefined,
  sink: {},
  timeoutMs: 5_000,
  ...more,
})
const open = async (lab: NatsLab, given: InboxOptions) =>
  new Ear(await lab.connection.inbox!(given, lab.context(), lab.signal))

test('the reply subject tells which request was answered, of an inbox with a prefix of its own, too', async () => {
  await using lab = await NatsLab.open(url)
  const [plain, mine] = [options(), options({ address: 'my.replies' })]
  await using first = await open(lab, plain)
  await using second = await open(lab, mine)
  const subjectOf = ({ inbox }: Ear, correlation: string) => inbox.ask(message(), correlation).properties.replyTo!
  expect(subjectOf(first, `${plain.name}.a`)).toBe(`_INBOX.${plain.name}.a`)
  expect(subjectOf(second, `${mine.name}.a`)).toBe(`my.replies.${mine.name}.a`)
  // What a responder says of correlation and reply address is not heeded.
  const list = headers()
  list.set('correlation-id', 'other')
  list.set('Nats-Service-Error-Code', '400')
  lab.client.publish(subjectOf(first, `${plain.name}.a`), 'x', { headers: list, reply: 'elsewhere' })
  lab.client.publish(subjectOf(second, `${mine.name}.b`), 'y')
  await Promise.all([first.hears(1), second.hears(1)])
  const [heard] = first.heard
  expect(heard).toMatchObject({ correlation: `${plain.name}.a`, error: undefined })
  expect(heard!.message.properties).toEqual({})
  expect(heard!.message.headers.text('Nats-Service-Error-Code')).toBe('400')
  expect(second.correlations).toEqual([`${mine.name}.b`])
})

test('nobody there to answer is said for each request, and those that somebody hears stay open', async () => {
  await using lab = await NatsLab.open(url)
  const given = options()
  await using ear = await open(lab, given)
  const subject = `lab.${randomUUID()}`
  lab.client.subscribe(`${subject}.there`)
  await lab.client.flush()
  const sink = await lab.sink({ subject: '${subject}' })
  const request = (to: string, n: string) => ear.inbox.ask(message({ subject: to }), `${given.name}.${n}`)
  await lab.publish(sink, [request(`${subject}.none`, '1'), request(`${subject}.there`, '2'), request(subject, '3')])
  await ear.hears(2)
  expect(ear.heard.map(({ correlation, error }) => [correlation, error?.code])).toEqual([
    [`${given.name}.1`, 'NO_RESPONDER'],
    [`${given.name}.3`, 'NO_RESPONDER'],
  ])
})

test('a lost connection ends the session; what is answered before the next one opens waits for it', async () => {
  await using proxy = await proxyFor(given('nats'))
  await using lab = await NatsLab.open(url)
  await using connection = nats.connect({ url: proxy.url }, { name: 'cut', log: quiet, baseDir: '.' })
  const asked = options()
  const open = async () => new Ear(await connection.inbox!(asked, lab.context(), lab.signal))
  await using first = await open()
  const subject = first.inbox.ask(message(), `${asked.name}.1`).properties.replyTo!
  await proxy.cut()
  expect((await first.ended)?.code).toBe('CONNECTION_LOST')
  await proxy.restore()
  await first.inbox[Symbol.asyncDispose]()
  // Somebody else opens the connection: requests may go out on it at once.
  await connection.check(lab.signal)
  await lab.client.request(subject, '?', { noMux: true, timeout: 300 }).then(
    () => expect.fail('an inbox answers nothing'),
    // 503 would mean that nobody listens.
    error => expect(error).toMatchObject({ code: 'TIMEOUT' }),
  )
  await using second = await open()
  await second.hears(1)
  expect(second.correlations).toEqual([`${asked.name}.1`])
  await second[Symbol.asyncDispose]()
  // Nobody listens any more.
  const ask = () => lab.client.request(subject, '?', { noMux: true, timeout: 300 }).catch(error => error.code)
  await until('the server says so', async () => (await ask()) === '503')
})

test('an answer whose headers cannot be read is an error, and the session goes on', async () => {
  await using lab = await NatsLab.open(url)
  const given = options()
  await using ear = await open(lab, given)
  using raw = await RawClient.open(listeners['plain'] ?? new URL(url).host)
  const subject = (n: string) => ear.inbox.ask(message(), `${given.name}.${n}`).properties.replyTo!
  raw.publish(subject('1'), Buffer.from('NATS/1.0\r\na b\r\n\r\n'), Buffer.from('x'))
  raw.publish(subject('2'), Buffer.from('NATS/1.0\r\na: b\r\n\r\n'), Buffer.from('y'))
  await ear.hears(2)
  expect(ear.heard.map(({ error }) => error?.code)).toEqual(['HEADERS_INVALID', undefined])
})

test('more answers than are kept between two sessions are given up with a warning', async () => {
  await using lab = await NatsLab.open(url)
  const given = options()
  const context = lab.context({ inFlightBytes: 1_000 })
  const inbox = await lab.connection.inbox!(given, context, lab.signal)
  const subject = inbox.ask(message(), `${given.name}.1`).properties.replyTo!
  for (let n = 0; n < 5; n++) lab.client.publish(subject, Buffer.alloc(300))
  await until('one was given up', () => lab.warnings.length > 0)
  await using ear = new Ear(inbox)
  await ear.hears(3)
  expect(ear.heard).toHaveLength(3)
  expect(lab.warnings).toHaveLength(1)
})

test('an address that cannot be one', async () => {
  await using lab = await NatsLab.open(url)
  for (const address of ['$JS.a', 'a b', 'a..b', 'a.*', '', 'a'.repeat(600)])
    await expect(open(lab, options({ address }))).rejects.toMatchObject({ code: 'OPTIONS_INVALID' })
})

test('who may not listen there is told so', async () => {
  await using lab = await NatsLab.open(url)
  const guest = { url: `nats://guest:${natsUsers.guest}@${listeners['plain']}`, inboxPrefix: 'forbidden' }
  await using connection = nats.connect(guest, { name: 'guest', log: quiet, baseDir: '.' })
  const opening = connection.inbox!(options(), lab.context(), lab.signal)
  await expect(opening).rejects.toMatchObject({ code: 'ACCESS_DENIED', fate: 'fatal' })
})

test('one answer that goes nowhere does not hurt its neighbours; where nobody listens cannot be told', async () => {
  await using lab = await NatsLab.open(url)
  await using answerer = await lab.connection.answerer!(lab.context(), lab.signal)
  const subject = `lab.${randomUUID()}`
  const got: string[] = []
  lab.client.subscribe(subject, { callback: (_, { data }) => void got.push(String(Buffer.from(data))) })
  await lab.client.flush()
  const to = (replyTo: string, bytes: Buffer) => ({
    request: message({ properties: { replyTo } }),
    reply: message({ bytes }),
    error: undefined,
  })
  const answers = [
    to(subject, Buffer.from('a')),
    to('a b', Buffer.from('b')),
    to(subject, Buffer.alloc(lab.client.info!.max_payload)),
    to(`${subject}.nobody`, Buffer.from('d')),
    to(subject, Buffer.from('e')),
  ]
  const results = await answerer.answer(answers, lab.signal)
  expect(results.map(result => result?.code)).toEqual([undefined, 'MESSAGE_REFUSED', 'TOO_LARGE', undefined, undefined])
  await until('both came', () => got.length === 2)
  expect(got).toEqual(['a', 'e'])
  const expects = (replyTo: string) => answerer.expects(message({ properties: { replyTo } }))
  // Whoever answers there acks a message of a stream.
  expect(['_INBOX.a', '', '$JS.ACK.S.C.1.1.1.1.0'].map(expects)).toEqual([true, false, false])
})
