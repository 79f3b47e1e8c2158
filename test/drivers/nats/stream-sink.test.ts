import { headers } from 'nats'
import { expect, it } from 'vitest'
import { given } from '../../brokers/given.ts'
import { message, NatsLab, numbered, Reading } from './nats-lab.ts'

const { url } = given('nats')

it('publishes with the message id, and a repeat is stored once', async () => {
  await using lab = await NatsLab.open(url)
  const stream = await lab.stream()
  const sink = await lab.sink({ stream, subject: stream })
  const one = message({ id: 'order-1', properties: { messageId: 'order-1' } })
  await lab.publish(sink, [one])
  await lab.publish(sink, [one])
  const { state } = await lab.manager.streams.info(stream)
  expect(state.messages).toBe(1)
  const stored = await lab.manager.streams.getMessage(stream, { seq: 1 })
  expect(stored.header.get('Nats-Msg-Id')).toBe('order-1')
})

it('a repeat in another process of a message that is received anew is stored once', async () => {
  await using lab = await NatsLab.open(url)
  const stream = await lab.stream()
  const sink = await lab.sink({ stream, subject: stream })
  const bytes = Buffer.from('the same')
  await lab.publish(sink, [message({ id: 'a', bytes, timestamp: 1_000 })])
  await lab.publish(sink, [message({ id: 'a', bytes, timestamp: 2_000 })])
  expect((await lab.manager.streams.info(stream)).state.messages).toBe(1)
})

it('two different messages with one id are both stored', async () => {
  await using lab = await NatsLab.open(url)
  const stream = await lab.stream({ subjects: ['lab.dup.*'] })
  const sink = await lab.sink({ stream, subject: '${subject}' })
  const same = { id: 'order-1', properties: { messageId: 'order-1' } }
  await lab.publish(sink, [
    message({ ...same, subject: 'lab.dup.a', bytes: Buffer.from('created') }),
    message({ ...same, subject: 'lab.dup.a', bytes: Buffer.from('paid') }),
    message({ ...same, subject: 'lab.dup.b', bytes: Buffer.from('created') }),
    message({ ...same, subject: 'lab.dup.a', bytes: Buffer.from('created'), list: [['dead', 'yes']] }),
  ])
  const reading = new Reading(await lab.source({ stream, consumer: 'c' }))
  const got = await reading.count(4)
  expect(got.map(({ message: { bytes } }) => String(bytes)).sort()).toEqual(['created', 'created', 'created', 'paid'])
  // The id of the message itself is kept.
  expect(new Set(got.map(({ message: one }) => one.id))).toEqual(new Set(['order-1']))
})

it('what is too large is poison alone: by the server, by the stream, headers included', async () => {
  await using lab = await NatsLab.open(url)
  const stream = await lab.stream({ max_msg_size: 10_000 })
  const small = await lab.sink({ stream, subject: stream })
  const results = await small.publish(
    [message(), message({ bytes: Buffer.alloc(10_001) }), message({ list: [['h', 'x'.repeat(10_000)]] }), message()],
    lab.signal,
  )
  const large = expect.objectContaining({ code: 'TOO_LARGE', fate: 'poison', scope: 'message' })
  expect(results).toEqual([null, large, large, null])
  const core = await lab.sink({ subject: stream })
  const most = lab.client.info!.max_payload
  const more = await core.publish([message({ bytes: Buffer.alloc(most + 1) }), message()], lab.signal)
  expect(more).toEqual([large, null])
})

it('a full stream that discards nothing refuses, and takes again when there is room', async () => {
  await using lab = await NatsLab.open(url)
  const stream = await lab.stream({ max_msgs: 2, discard: 'new' as never })
  const sink = await lab.sink({ stream, subject: stream })
  const results = await sink.publish(numbered(4), lab.signal)
  expect(results.map(result => result?.code ?? null)).toEqual([null, null, 'NACKED', 'NACKED'])
  expect(results[2]).toMatchObject({ fate: 'retry', scope: 'message' })
  await lab.manager.streams.purge(stream)
  await lab.publish(sink, numbered(2))
})

it('a subject the stream does not take: fatal where it is fixed, poison where it varies', async () => {
  await using lab = await NatsLab.open(url)
  const stream = await lab.stream({ subjects: ['lab.subject.*'] })
  await expect(lab.sink({ stream, subject: 'elsewhere' })).rejects.toMatchObject({
    code: 'ADDRESS_MISMATCH',
    fate: 'fatal',
  })
  const sink = await lab.sink({ stream, subject: '${subject}' })
  const subjects = [
    'lab.subject.a',
    'elsewhere.a',
    'has blank',
    'lab.*',
    '',
    'lab.subject.b',
    'line\r\nPUB x 0',
    'a..b',
  ]
  const results = await sink.publish(
    subjects.map(subject => message({ subject })),
    lab.signal,
  )
  expect(results.map(result => result?.code ?? null)).toEqual([
    null,
    'UNROUTABLE',
    'MESSAGE_REFUSED',
    'MESSAGE_REFUSED',
    'MESSAGE_REFUSED',
    null,
    'MESSAGE_REFUSED',
    'MESSAGE_REFUSED',
  ])
  // Subjects that are added later are taken.
  await lab.manager.streams.update(stream, { subjects: ['lab.subject.*', 'elsewhere.*'] })
  await lab.publish(sink, [message({ subject: 'elsewhere.a' })])
})

it('a message’s own commands to the server have no effect; the sink’s have', async () => {
  await using lab = await NatsLab.open(url)
  const stream = await lab.stream({ allow_rollup_hdrs: true } as never)
  const sink = await lab.sink({ stream, subject: stream })
  await lab.publish(sink, numbered(2))
  const roll = message({
    list: [
      ['Nats-Rollup', 'all'],
      ['Nats-Expected-Last-Sequence', '9'],
    ],
  })
  await lab.publish(sink, [roll])
  expect((await lab.manager.streams.info(stream)).state.messages).toBe(3)
  const reading = new Reading(await lab.source({ stream, consumer: 'c' }))
  const last = (await reading.count(3))[2]!
  expect(last.message.headers.entries.filter(([name]) => name.startsWith('Nats-'))).toEqual(roll.headers.entries)
  const commanding = await lab.sink({ stream, subject: stream, headers: { 'Nats-Rollup': 'all', source: '${id}' } })
  await lab.publish(commanding, [message({ id: 'm' })])
  expect((await lab.manager.streams.info(stream)).state.messages).toBe(1)
  const { header } = await lab.manager.streams.getMessage(stream, { last_by_subj: stream })
  expect(header.get('source')).toBe('m')
})

it('tells its position, and recalls a header of what came after', async () => {
  await using lab = await NatsLab.open(url)
  const stream = await lab.stream()
  const sink = await lab.sink({ stream, subject: stream })
  const marked = (name: string) => message({ list: [['mark', name]] })
  await lab.publish(sink, [marked('before')])
  const since = await sink.position!(lab.signal)
  await lab.publish(sink, [
    marked('a'),
    message(),
    ...Array.from({ length: 250 }, (_, i) => marked(`n${i}`)),
    marked('b'),
  ])
  await lab.manager.streams.deleteMessage(stream, 10)
  const found = await sink.recall!(since, 'mark', lab.signal)
  expect(found.size).toBe(251)
  expect(found.has('before')).toBe(false)
  for (const name of ['a', 'b', 'n0', 'n249']) expect(found.has(name), name).toBe(true)
})

it('headers of other clients come with every value and in the order of names they had', async () => {
  await using lab = await NatsLab.open(url)
  const stream = await lab.stream()
  const list = headers()
  list.append('tag', 'eu')
  list.append('other', 'x')
  list.append('tag', 'vip')
  await lab.client.request(stream, 'body', { headers: list, timeout: 5_000 })
  const reading = new Reading(await lab.source({ stream, consumer: 'c' }))
  const [got] = await reading.count(1)
  expect(got!.message.headers.getAll('tag')).toEqual(['eu', 'vip'])
  expect(got!.message.headers.get('other')).toBe('x')
})
