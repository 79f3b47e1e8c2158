import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Headers } from '../../src/core/headers.ts'
import { encodeBody, Message } from '../../src/core/message.ts'
import { message, ORIGIN, thrown } from './sample.ts'

describe('the id', () => {
  const fields = { key: null, subject: '', headers: Headers.EMPTY, bytes: null, timestamp: 0 }

  it('is the given one, else the message id, else the identity of the origin', () => {
    const source = { ...ORIGIN, identity: 'topic/0/7' }
    expect(new Message({ ...fields, id: 'given', properties: { messageId: 'p' }, source }).id).toBe('given')
    expect(new Message({ ...fields, properties: { messageId: 'p' }, source }).id).toBe('p')
    expect(new Message({ ...fields, properties: {}, source }).id).toBe('topic/0/7')
  })

  it('is made up once where there is nothing, and copies keep it', () => {
    const first = new Message({ ...fields, properties: {}, source: ORIGIN })
    const copy = first.with({ subject: 'other' })
    expect(copy.id).toBe(first.id)
    expect(first.id).toMatch(/^[0-9a-f-]{36}$/)
    expect(new Message({ ...fields, properties: {}, source: ORIGIN }).id).not.toBe(first.id)
  })

  it('stays when a copy gets another message id', () => {
    const first = new Message({ ...fields, properties: { messageId: 'a' }, source: ORIGIN })
    expect(first.id).toBe('a')
    expect(first.with({ properties: { messageId: 'b' } }).id).toBe('a')
  })
})

describe('the body', () => {
  it('is decoded once, on first use', () => {
    const one = message({ body: { n: 1 } })
    expect(one.body).toBe(one.body)
    expect(one.body).toEqual({ n: 1 })
  })

  it.each([
    ['not JSON', Buffer.from('{'), 'json', /not JSON/],
    ['empty', Buffer.alloc(0), 'json', /\(0 bytes\) is not JSON/],
    ['not UTF-8', Buffer.of(0x22, 0xff, 0x22), 'json', /not JSON/],
    ['text that is not UTF-8', Buffer.of(0xff), 'text', /not UTF-8 text/],
  ] as const)('that is %s is poison', (_, bytes, decode, words) => {
    const error = thrown(() => message({ bytes, decode }).body)
    expect(error.code).toBe('BODY_INVALID')
    expect(error.message).toMatch(words)
  })

  it('is null for a tombstone and text or bytes where the route says so', () => {
    expect(message({ bytes: null }).body).toBeNull()
    expect(message({ bytes: Buffer.from('é'), decode: 'text' }).body).toBe('é')
    const bytes = Buffer.of(0, 255)
    expect(message({ bytes, decode: 'none' }).body).toBe(bytes)
  })

  it('that a copy shares is not decoded again, one that it replaces is', () => {
    const one = message({ body: [1] })
    const { body } = one
    expect(one.with({ subject: 's' }).body).toBe(body)
    expect(one.with({ bytes: Buffer.from('[2]') }).body).toEqual([2])
    expect(one.with({ decode: 'text' }).body).toBe('[1]')
  })

  it('comes back from its bytes as it went in (property)', () => {
    fc.assert(
      fc.property(fc.jsonValue(), value => {
        const bytes = encodeBody(value, 'json')
        expect(message({ bytes }).body).toEqual(JSON.parse(JSON.stringify(value)))
      }),
    )
  })

  it('is encoded with all digits of large integers, and bytes inside as text', () => {
    expect(String(encodeBody({ n: 2n ** 63n - 1n, b: [Buffer.from('é')] }, 'json'))).toBe(
      '{"n":9223372036854775807,"b":["é"]}',
    )
    expect(String(encodeBody({ b: Buffer.of(0xff, 0xfe) }, 'json'))).toBe('{"b":"//4="}')
  })

  it('is text as it is under text, a quoted string under JSON, nothing for null', () => {
    expect(String(encodeBody('a', 'text'))).toBe('a')
    expect(String(encodeBody('a', 'json'))).toBe('"a"')
    expect(encodeBody(null, 'json')).toBeNull()
    expect(encodeBody(new Uint8Array([1]), 'json')).toEqual(Buffer.of(1))
  })
})

describe('a copy', () => {
  it('can make the key and the body null, and leaves the rest alone', () => {
    const one = message({ key: Buffer.from('k'), body: 1 })
    const copy = one.with({ key: null, bytes: null })
    expect([copy.key, copy.bytes]).toEqual([null, null])
    expect(copy.subject).toBe(one.subject)
    expect(one.key).toEqual(Buffer.from('k'))
  })
})

describe('the key as text', () => {
  it('is UTF-8 where the bytes are, else latin1, and an empty key is not null', () => {
    expect(message({ key: Buffer.from('é') }).keyText).toBe('é')
    expect(message({ key: Buffer.of(0xff, 0x41) }).keyText).toBe('ÿA')
    expect(message({ key: Buffer.alloc(0) }).keyText).toBe('')
    expect(message({ key: null }).keyText).toBeNull()
  })
})
