import { expect, it } from 'vitest'
import { Headers } from '../../../src/core/headers.ts'
import { given } from '../../brokers/given.ts'
import { NatsLab, Reading } from './nats-lab.ts'
import { RawClient } from './raw-client.ts'

const { url, listeners } = given('nats')

const block = (text: string) => Buffer.from(text, 'latin1')
const BROKEN = [
  ['no version', block('HELLO/1.0\r\na: b\r\n\r\n')],
  ['a line without a colon', block('NATS/1.0\r\na b\r\n\r\n')],
  ['no end', block('NATS/1.0\r\na: b')],
  ['nothing but a line break', block('\r\n')],
  ['binary', Buffer.from([0, 255, 13, 10, 254, 0])],
] as const
const ODD = [
  ['an empty block', block('NATS/1.0\r\n\r\n'), []],
  ['an empty name', block('NATS/1.0\r\n: b\r\n\r\n'), [['', 'b']]],
  ['no blank behind the colon', block('NATS/1.0\r\na:b\r\n\r\n'), [['a', 'b']]],
  ['many blanks', block('NATS/1.0\r\na: \t b \t\r\n\r\n'), [['a', 'b']]],
  ['colons in the value', block('NATS/1.0\r\na: b: c\r\n\r\n'), [['a', 'b: c']]],
  [
    'line feeds alone',
    block('NATS/1.0\r\na: b\nc: d\n\r\n'),
    [
      ['a', 'b'],
      ['c', 'd'],
    ],
  ],
  ['values that are no UTF-8', block('NATS/1.0\r\na: \xff\xfe\r\n\r\n'), [['a', Buffer.from([0xff, 0xfe])]]],
  ['names that are no UTF-8', block('NATS/1.0\r\n\xff: b\r\n\r\n'), [['\udcff', 'b']]],
  ['a status of the server’s', block('NATS/1.0 503 No Responders\r\na: b\r\n\r\n'), [['a', 'b']]],
  [
    'notes that are none',
    block('NATS/1.0\r\nsluice-encoded: =;!\r\nsluice-types: x\r\n\r\n'),
    [
      ['sluice-encoded', '=;!'],
      ['sluice-types', 'x'],
    ],
  ],
] as const

it.each(['core', 'a stream'])(
  'broken header blocks by %s: readable bodies, HEADERS_INVALID when the headers are used',
  async kind => {
    await using lab = await NatsLab.open(url)
    using raw = await RawClient.open(listeners['plain']!)
    const subject = await lab.stream()
    const reading = new Reading(await lab.source(kind === 'core' ? { subject } : { stream: subject, consumer: 'c' }))
    for (const [what, bytes] of BROKEN) raw.publish(subject, bytes, Buffer.from(what))
    const got = await reading.count(BROKEN.length)
    for (const [i, [what]] of BROKEN.entries()) {
      const { message } = got[i]!
      expect(String(message.bytes)).toBe(what)
      expect(() => message.headers.entries, what).toThrow(
        expect.objectContaining({ code: 'HEADERS_INVALID', fate: 'poison' }),
      )
      expect(message.id, what).toBeTruthy()
    }
  },
)

it('odd header blocks are read as they are', async () => {
  await using lab = await NatsLab.open(url)
  using raw = await RawClient.open(listeners['plain']!)
  const subject = await lab.stream()
  const reading = new Reading(await lab.source({ stream: subject, consumer: 'c' }))
  for (const [what, bytes] of ODD) raw.publish(subject, bytes, Buffer.from(what))
  const got = await reading.count(ODD.length)
  for (const [i, [what, , wanted]] of ODD.entries()) expect(got[i]!.message.headers.entries, what).toEqual(wanted)
  // What was read can be written, and read again.
  const sink = await lab.sink({ stream: subject, subject })
  await lab.publish(
    sink,
    got.slice(0, ODD.length).map(({ message }) => message),
  )
  const again = (await reading.count(2 * ODD.length)).slice(ODD.length)
  for (const [i, [what, , wanted]] of ODD.entries()) expect(again[i]!.message.headers.entries, what).toEqual(wanted)
})

it('facts that are none are headers like any other', async () => {
  await using lab = await NatsLab.open(url)
  using raw = await RawClient.open(listeners['plain']!)
  const subject = await lab.stream()
  const reading = new Reading(await lab.source({ stream: subject, consumer: 'c' }))
  raw.publish(subject, block('NATS/1.0\r\nsluice-timestamp: soon\r\nsluice-null: no\r\n\r\n'), Buffer.from('x'))
  const [got] = await reading.count(1)
  expect(got!.message.headers.entries.map(String)).toEqual(['sluice-timestamp,soon', 'sluice-null,no'])
  expect(got!.message.timestamp).toBeGreaterThan(1_600_000_000_000)
})

it('giant header sets pass where the server lets them, and are poison where it does not', async () => {
  await using lab = await NatsLab.open(url)
  using raw = await RawClient.open(listeners['plain']!)
  const stream = await lab.stream()
  const subject = `giant.${stream}`
  const reading = new Reading(await lab.source({ subject }))
  const lines = Array.from({ length: 20_000 }, (_, i) => `header-${i}: value ${i}\r\n`).join('')
  raw.publish(subject, block(`NATS/1.0\r\n${lines}\r\n`), Buffer.from('x'))
  const [giant] = await reading.count(1)
  const { message } = giant!
  expect(message.headers.size).toBe(20_000)
  expect(message.headers.get('header-19999')).toBe('value 19999')
  const core = await lab.sink({ subject })
  const larger = message.with({ headers: message.headers.concat([['more', 'x'.repeat(700_000)]]) })
  const large = expect.objectContaining({ code: 'TOO_LARGE', fate: 'poison' })
  expect(await core.publish([message, larger], lab.signal)).toEqual([null, large])
  // A stream takes 64 KiB of headers.
  const sink = await lab.sink({ stream, subject: stream })
  const small = message.with({ headers: new Headers(message.headers.entries.slice(0, 2_000)) })
  expect(await sink.publish([message, small], lab.signal)).toEqual([large, null])
})
