import { describe, expect, test } from 'vitest'
import { pack, unpack } from '../../../src/core/carrier.ts'
import type { HeaderEntry } from '../../../src/core/headers.ts'
import { Headers } from '../../../src/core/headers.ts'
import type { Message, Properties } from '../../../src/core/message.ts'
import { AnswerTargets } from '../../../src/drivers/kafka/answerer.ts'
import { readReply, replyAddress, withCorrelation, withReplyTopic } from '../../../src/drivers/kafka/reply-headers.ts'
import { message } from './kafka-lab.ts'

const request = (list: readonly HeaderEntry[], properties: Properties = {}): Message => message({ list, properties })
const INT = (n: number) => {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(n)
  return bytes
}

describe('where an answer goes', () => {
  test('is in the custom headers, else in reply-to, else nowhere', () => {
    expect(replyAddress(request([['kafka_replyTopic', 'mine']], { replyTo: 'other' }))).toEqual({ topic: 'mine' })
    expect(replyAddress(request([['kafka_replyTopic', Buffer.from('mine')]]))).toEqual({ topic: 'mine' })
    expect(replyAddress(request([], { replyTo: 'other' }))).toEqual({ topic: 'other' })
    for (const nowhere of [request([]), request([['kafka_replyTopic', null]]), request([['kafka_replyTopic', '']])])
      expect(replyAddress(nowhere)).toBeUndefined()
  })

  test.each([
    [INT(0), 0],
    [INT(7), 7],
    [INT(200).toString('latin1'), undefined],
    [INT(65), 65],
    ['3', 3],
    ['0012', 12],
    [12, 12],
    [INT(-1), undefined],
    ['many', 0x6d616e79],
    ['x', undefined],
    [null, undefined],
  ] as const)('the partition %j is %j', (value, partition) => {
    const list: HeaderEntry[] = [
      ['kafka_replyTopic', 'mine'],
      ['kafka_replyPartition', value],
    ]
    expect(replyAddress(request(list))?.partition).toBe(partition)
  })
})

test('a request carries our topic and correlation, both ways, and nothing of the requester’s', () => {
  const asked = withReplyTopic(
    request(
      [
        ['kafka_replyTopic', 'mine'],
        ['a', '1'],
        ['kafka_replyPartition', INT(2)],
        ['kafka_correlationId', Buffer.from([0xfe])],
      ],
      { replyTo: 'mine', correlationId: 'theirs' },
    ),
    'replies',
    'sluice-1.0',
  )
  expect(pack(asked.headers, asked.properties)).toEqual([
    ['correlation-id', 'sluice-1.0'],
    ['reply-to', 'replies'],
    ['a', '1'],
    ['kafka_replyTopic', 'replies'],
    ['kafka_correlationId', 'sluice-1.0'],
  ])
})

test('an answer is known by either name, and handed on without them', () => {
  const custom = request([
    ['kafka_correlationId', 'c1'],
    ['b', '2'],
  ])
  expect(readReply(custom)).toMatchObject({ correlation: 'c1' })
  expect(readReply(custom).message.headers.entries).toEqual([['b', '2']])
  const plain = readReply(request([], { correlationId: 'c2', replyTo: 'x', type: 't' }))
  expect([plain.correlation, plain.message.properties]).toEqual(['c2', { type: 't' }])
  expect(readReply(request([])).correlation).toBe('')
})

test('a correlation of any bytes comes back as those bytes', () => {
  const correlation = Buffer.from([0xff, 0, 1, 0x80])
  const { headers } = unpack([
    ['kafka_replyTopic', Buffer.from('mine')],
    ['kafka_correlationId', correlation],
  ])
  const asked = message({ headers })
  const answer = withCorrelation(message({ headers: new Headers([['kafka_correlationId', 'ours']]) }), asked)
  expect(pack(answer.headers, answer.properties)).toEqual([['kafka_correlationId', correlation]])
  const both = withCorrelation(message(), request([['kafka_correlationId', 'c']], { correlationId: 'c' }))
  expect(pack(both.headers, both.properties)).toEqual([
    ['correlation-id', 'c'],
    ['kafka_correlationId', 'c'],
  ])
})

test('a topic that cannot be one is refused, for its own answer', () => {
  const targets = new AnswerTargets()
  const asked = request([['kafka_replyTopic', '../etc']])
  const prepared = targets.prepare({ request: asked, reply: message(), error: undefined })
  expect(() => targets.of(prepared)).toThrow(/cannot be the name of a topic/)
})
