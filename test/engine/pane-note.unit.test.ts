import { expect, test } from 'vitest'
import { Typed } from '../../src/core/header-value.ts'
import { packPanes, unpackPanes } from '../../src/engine/pane-note.ts'
import { message } from '../core/sample.ts'

test('a noted pane is published as it was: every field, every type of header', () => {
  const noted = {
    key: 'w0 5 a',
    members: ['m x', 'm y'],
    lane: undefined,
    message: message({
      id: 'orders/a/5',
      key: Buffer.from([0, 255]),
      subject: 'orders',
      timestamp: 4_999,
      body: { count: 3 },
      headers: [
        ['text', 'ü'],
        ['bytes', Buffer.from([1, 2, 255])],
        ['none', null],
        ['long', 12n],
        ['typed', new Typed('timestamp', 5n)],
        ['text bytes', new Typed('text', Buffer.from([255]))],
        ['decimal', new Typed('decimal', { places: 2, digits: 314 })],
        ['nested', { list: [1, Buffer.from('b'), { deep: true }] }],
        ['text', 'twice'],
      ],
      properties: { messageId: 'orders/a/5', contentType: 'application/json', timestamp: 7n },
    }),
  }
  const [back] = unpackPanes(packPanes([noted]))
  expect(back).toMatchObject({ key: noted.key, members: noted.members, lane: undefined })
  const { message: one } = back!
  expect(one.headers.entries).toEqual(noted.message.headers.entries)
  for (const field of ['id', 'key', 'subject', 'timestamp', 'bytes', 'properties', 'decode', 'source'] as const)
    expect([field, one[field]]).toEqual([field, noted.message[field]])
  expect(one.body).toEqual({ count: 3 })
})

test('a tombstone stays one, and nothing is an empty note', () => {
  const tombstone = message({ bytes: null })
  const [back] = unpackPanes(packPanes([{ key: 'w', members: [], lane: 'a', message: tombstone }]))
  expect(back?.message.bytes).toBeNull()
  expect(back?.lane).toBe('a')
  expect(packPanes([])).toBe('')
  expect(unpackPanes('')).toEqual([])
})
