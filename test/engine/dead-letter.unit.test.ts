import { describe, expect, test } from 'vitest'
import { type ErrorCode, SluiceError } from '../../src/core/errors.ts'
import { Typed } from '../../src/core/header-value.ts'
import { Headers } from '../../src/core/headers.ts'
import type { Message } from '../../src/core/message.ts'
import { DEAD_LETTER_HEADERS, DeadLetterWriter, deadLetter } from '../../src/engine/dead-letter.ts'
import { Gate } from '../../src/engine/gate.ts'
import { Item } from '../../src/engine/item.ts'
import { readLetter, revive } from '../../src/engine/letter.ts'
import { Publisher } from '../../src/engine/publisher.ts'
import { message } from '../core/sample.ts'
import { until } from './lab.ts'

const BACKOFF = { initial: 1, max: 5, factor: 2, jitter: 0 }
const H = DEAD_LETTER_HEADERS
const BAD = new SluiceError('VALIDATION_FAILED', 'no total')

function poisoned(received: Message, expired: () => boolean = () => false): Item {
  const delivery = {
    message: received,
    get expired() {
      return expired()
    },
    ack() {},
    release() {},
  }
  const item = new Item(delivery, 0)
  item.fail(BAD, 'transform', true)
  item.poison = BAD
  return item
}

describe('a dead letter', () => {
  test('has the bytes, key, headers and properties as received, and every fact of the failure', () => {
    const received = message({
      id: 'm-7',
      key: Buffer.from([0xff, 0x00]),
      bytes: Buffer.from([0xc3, 0x28, 0x00]),
      headers: [
        ['n', new Typed('int64', 5n)],
        ['twice', 'a'],
        ['twice', Buffer.from([1])],
      ],
      properties: { contentType: 'x/y', priority: 3 },
      subject: 'order.created',
    })
    const item = poisoned(received)
    item.attempts = 3
    item.firstFailure = Date.UTC(2026, 0, 1)
    item.lastFailure = Date.UTC(2026, 0, 2)
    const letter = deadLetter(item, BAD, 'orders')
    expect(letter.bytes).toBe(received.bytes)
    expect(letter.key).toBe(received.key)
    expect(letter.properties).toBe(received.properties)
    expect(letter.headers.entries.slice(0, 3)).toEqual(received.headers.entries)
    expect(Object.fromEntries(letter.headers.entries.slice(3))).toEqual({
      [H.route]: 'orders',
      [H.code]: 'VALIDATION_FAILED',
      [H.message]: 'no total',
      [H.stage]: 'transform',
      [H.attempts]: 3,
      [H.first]: '2026-01-01T00:00:00.000Z',
      [H.last]: '2026-01-02T00:00:00.000Z',
      [H.connection]: 'shop',
      [H.address]: 'orders',
      [H.position]: '7',
      [H.subject]: 'order.created',
      [H.id]: 'm-7',
      [H.timestamp]: received.timestamp,
    })
  })

  test('of a tombstone is a tombstone', () => {
    expect(deadLetter(poisoned(message({ bytes: null })), BAD, 'r').bytes).toBeNull()
  })

  test('of a dead letter has the new facts, once', () => {
    const once = deadLetter(poisoned(message()), BAD, 'first')
    const twice = deadLetter(poisoned(once), BAD, 'second')
    expect(twice.headers.getAll(H.route)).toEqual(['second'])
  })

  test('of a message whose headers cannot be read keeps the bytes and says why', () => {
    const headers = new Headers(() => {
      throw new SluiceError('HEADERS_INVALID', 'broken')
    })
    const letter = deadLetter(poisoned(message({ headers, body: { n: 1 } })), BAD, 'r')
    expect(letter.headers.text(H.code)).toBe('VALIDATION_FAILED')
    expect(letter.bytes?.toString()).toBe('{"n":1}')
  })

  test('keeps an endless reason within what brokers take as headers', () => {
    const reason = new SluiceError('VALIDATION_FAILED', 'x'.repeat(1_000_000))
    const letter = deadLetter(poisoned(message()), reason, 'r')
    expect(letter.headers.text(H.message)?.length).toBe(4_000)
  })

  // Carried over, a time to live of 5 s empties the dead-letter queue after 5 s: a loss in silence (Invariant 8).
  test('neither runs out nor dies with its broker; redriven, it has its own properties again', () => {
    const received = message({ properties: { expiration: '5000', deliveryMode: 1, messageId: 'a', type: 't' } })
    const letter = deadLetter(poisoned(received), BAD, 'r')
    expect(letter.properties).toEqual({ deliveryMode: 2, messageId: 'a', type: 't' })
    expect(readLetter(letter).headers).toEqual([])
    const { messageId, ...properties } = revive(letter, []).properties
    expect(properties).toEqual({ expiration: '5000', deliveryMode: 1, type: 't' })
    expect(messageId).not.toBe('a')
  })

  // Kafka's retention counts from a record's time: the letter of an old message would be deleted as soon as it is there.
  test('has the time of its last failure; listed and redriven, it has its own again', () => {
    const item = poisoned(message({ timestamp: 1_600_000_000_000 }))
    const letter = deadLetter(item, BAD, 'r')
    expect(letter.timestamp).toBe(item.lastFailure)
    expect(readLetter(letter).timestamp).toBe(1_600_000_000_000)
    expect(revive(letter, []).timestamp).toBe(1_600_000_000_000)
    const foreign = letter.with({ headers: letter.headers.with(H.timestamp, 'soon') })
    expect(readLetter(foreign).timestamp).toBe(item.lastFailure)
  })

  test('of a time to live that no broker takes can still be written', () => {
    const letter = deadLetter(poisoned(message({ properties: { expiration: '-1', deliveryMode: 7 } })), BAD, 'r')
    expect(letter.properties).toEqual({ deliveryMode: 2 })
    expect(letter.headers.text(H.expiration)).toBe('-1')
  })
})

function rig(window?: { size: number; threshold: number }) {
  const told: string[] = []
  const published: string[] = []
  const outcomes: string[] = []
  const abort = new AbortController()
  let answer: ErrorCode | null = null
  let slow: Promise<void> | undefined
  const gate = new Gate({ backoff: BACKOFF, probe: async () => {}, changed: () => {} }, abort.signal)
  const publisher = new Publisher(
    {
      publish: async messages => {
        for (const one of messages) published.push(one.headers.text(H.id)!)
        await slow
        return messages.map(() => (answer === null ? null : new SluiceError(answer, 'no')))
      },
      gate,
      count: 10,
      bytes: 1e6,
      linger: 0,
      concurrency: 1,
      window: 1,
      observe: () => {},
    },
    abort.signal,
  )
  const writer = new DeadLetterWriter(
    {
      route: 'orders',
      publisher,
      backoff: BACKOFF,
      window,
      tripped: error => told.push(error.code),
      failed: error => told.push(error.code),
      recovered: () => told.push('recovered'),
    },
    abort.signal,
  )
  const write = (id: string, expired?: () => boolean) =>
    writer.write(poisoned(message({ id }), expired), outcome => outcomes.push(`${id} ${outcome}`))
  return {
    writer,
    write,
    gate,
    publisher,
    abort,
    told,
    published,
    outcomes,
    answer: (to: ErrorCode | null) => (answer = to),
    answerAfter: (work: Promise<void>) => (slow = work),
  }
}

describe('the writer of dead letters', () => {
  test('is done when the target has confirmed', async () => {
    const { write, outcomes } = rig()
    write('a')
    expect(outcomes).toEqual([])
    await until('confirmed', () => outcomes.length === 1)
    expect(outcomes).toEqual(['a dead-lettered'])
  })

  test('tries what was refused again until it is taken, and says so while it lasts', async () => {
    const { writer, write, outcomes, told, answer, published } = rig()
    answer('TOO_LARGE')
    write('a')
    write('b')
    await until('tried thrice', () => published.length >= 6)
    expect(writer.refused).toBe(2)
    expect(outcomes).toEqual([])
    answer(null)
    await until('taken', () => outcomes.length === 2)
    expect(writer.refused).toBe(0)
    expect(told.slice(-2)).toEqual(['DEAD_LETTER_FAILED', 'recovered'])
    expect(told.filter(each => each === 'recovered').length).toBe(1)
  })

  test('waits behind the gate while the target is away, and refuses nothing', async () => {
    const { writer, write, outcomes, told, answer, gate } = rig()
    answer('CONNECTION_LOST')
    write('a')
    await until('closed', () => gate.state === 'closed')
    expect(writer.refused).toBe(0)
    answer(null)
    await until('written', () => outcomes.length === 1)
    expect(told).toEqual([])
  })

  test('keeps the order of what failed with the target, and of what came meanwhile', async () => {
    const { write, outcomes, answer, answerAfter, gate, published } = rig()
    const { promise, resolve } = Promise.withResolvers<void>()
    answer('CONNECTION_LOST')
    answerAfter(promise)
    for (const id of ['a', 'b', 'c']) write(id)
    await until('under way', () => published.length === 3)
    for (const id of ['d', 'e']) write(id)
    resolve()
    await until('closed', () => gate.state === 'closed')
    answer(null)
    await until('written', () => outcomes.length === 5)
    expect(outcomes.map(outcome => outcome[0])).toEqual(['a', 'b', 'c', 'd', 'e'])
  })

  // Each lost session of the source would add its copies to a queue that nobody empties.
  test('lets go of what has expired while the target was away', async () => {
    const { write, outcomes, answer, gate, publisher, published } = rig()
    answer('CONNECTION_LOST')
    let expired = false
    write('a', () => expired)
    write('b')
    await until('closed', () => gate.state === 'closed')
    expired = true
    publisher.sweep()
    expect(outcomes).toEqual(['a dropped'])
    published.length = 0
    answer(null)
    await until('written', () => outcomes.length === 2)
    expect(published).toEqual(['b'])
  })

  // Was: a timer that the abort came too late for, and a publish on a closed connection every 30 s for ever.
  test.each(['TOO_LARGE', 'ABORTED'] as const)(
    'does nothing more after the abort, when the answer was %s',
    async code => {
      const { write, abort, published, answer } = rig()
      answer(code)
      write('a')
      await until('tried', () => published.length > 0)
      abort.abort()
      const before = published.length
      await new Promise(resolve => setTimeout(resolve, 50))
      expect(published.length).toBe(before)
    },
  )

  test('stops the route when the window is full; what comes then is given up, not lost', async () => {
    const { writer, write, outcomes, told } = rig({ size: 5, threshold: 2 })
    write('a')
    for (let n = 0; n < 4; n++) writer.passed()
    // `a` has left the window.
    for (let n = 0; n < 2; n++) writer.passed()
    write('b')
    write('c')
    expect(told).toEqual([])
    write('d')
    write('e')
    await until('all told', () => outcomes.length === 5)
    expect(told).toEqual(['DEAD_LETTER_WINDOW'])
    expect(outcomes.sort()).toEqual(['a dead-lettered', 'b dead-lettered', 'c dead-lettered', 'd dropped', 'e dropped'])
  })
})
