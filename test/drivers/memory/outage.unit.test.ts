import { describe, expect, test } from 'vitest'
import { SluiceError } from '../../../src/core/errors.ts'
import { flushed, idsOf, MemoryLab, message, never, Reader } from './memory-lab.ts'

const codeOf = async (action: Promise<unknown>): Promise<string> => {
  const error = await action.catch((reason: unknown) => reason)
  if (error instanceof SluiceError) return error.code
  throw new Error(`no SluiceError: ${error}`)
}

describe('outage', () => {
  test('sources fail, their deliveries expire and come again; sinks go on by themselves', async () => {
    const lab = new MemoryLab()
    const sink = await lab.sink()
    await lab.publish(sink, '1', '2')
    const reader = new Reader(await lab.source())
    const [one, two] = await reader.take(2)
    one!.ack()
    await flushed()
    const waiting = reader.next()
    lab.broker.reach.goDown()
    expect(await codeOf(waiting)).toBe('CONNECTION_LOST')
    expect(two!.expired).toBe(true)
    two!.ack()
    expect(await lab.publish(sink, '3')).toEqual(['CONNECT_FAILED'])
    expect(await codeOf(lab.source())).toBe('CONNECT_FAILED')
    lab.broker.reach.comeUp()
    expect(await lab.publish(sink, '3')).toEqual([undefined])
    expect(idsOf(await new Reader(await lab.source()).take(2))).toEqual(['2', '3'])
  })

  test('an ack that has not reached the broker is lost with the connection', async () => {
    const lab = new MemoryLab()
    await lab.publish(await lab.sink(), '1')
    const [one] = await new Reader(await lab.source()).take(1)
    one!.ack()
    lab.broker.reach.disconnect()
    expect(idsOf(await new Reader(await lab.source()).take(1))).toEqual(['1'])
  })

  test('a call under way when the broker hangs up answers CONNECTION_LOST and stores nothing more', async () => {
    const lab = new MemoryLab()
    lab.broker.faults.set({ storeMs: 1_000 })
    const publishing = lab.publish(await lab.sink(), '1')
    lab.broker.reach.disconnect()
    expect(await publishing).toEqual(['CONNECTION_LOST'])
    expect(lab.contents()).toEqual([])
  })

  test('a deleted address ends its sources and fails its sinks', async () => {
    const lab = new MemoryLab()
    const sink = await lab.sink({ create: true })
    const strict = await lab.sink({ create: false })
    const waiting = new Reader(await lab.source()).next()
    lab.broker.delete('a')
    expect(await codeOf(waiting)).toBe('CHANNEL_LOST')
    expect(await lab.publish(strict, '1')).toEqual(['ADDRESS_MISSING'])
    expect(await codeOf(lab.source({ create: false }))).toBe('ADDRESS_MISSING')
    expect(await lab.publish(sink, '1')).toEqual([undefined])
  })
})

describe('frozen', () => {
  test('a publish times out, and what was sent is stored after the thaw, in order', async () => {
    const lab = new MemoryLab({ timeout: '20ms' })
    const sink = await lab.sink()
    lab.broker.reach.freeze()
    const both = await Promise.all([lab.publish(sink, '1'), lab.publish(sink, '2')])
    expect(both).toEqual([['TIMED_OUT'], ['TIMED_OUT']])
    expect(lab.contents()).toEqual([])
    lab.broker.reach.thaw()
    expect(lab.contents()).toEqual(['1', '2'])
  })

  test('what was sent to a broker that hangs up before the thaw is gone', async () => {
    const lab = new MemoryLab()
    const sink = await lab.sink()
    lab.broker.reach.freeze()
    const publishing = lab.publish(sink, '1')
    await flushed()
    lab.broker.reach.disconnect()
    expect(await publishing).toEqual(['CONNECTION_LOST'])
    lab.broker.reach.thaw()
    expect(lab.contents()).toEqual([])
  })

  test('a publish that is aborted answers at once', async () => {
    const lab = new MemoryLab()
    const sink = await lab.sink()
    lab.broker.reach.freeze()
    const stop = new AbortController()
    const publishing = sink.publish([message()], stop.signal)
    stop.abort()
    expect((await publishing)[0]?.code).toBe('ABORTED')
  })

  test('nothing is delivered, and acks arrive after the thaw, also those of a source that is gone', async () => {
    const lab = new MemoryLab()
    const sink = await lab.sink()
    await lab.publish(sink, '1', '2')
    const source = await lab.source()
    const [one, two] = await new Reader(source).take(2)
    lab.broker.reach.freeze()
    one!.ack()
    await source[Symbol.asyncDispose]()
    expect(two!.expired).toBe(true)
    expect(lab.broker.unsettled('a')).toBe(2)
    lab.broker.reach.thaw()
    expect(lab.contents()).toEqual(['2'])
    expect(idsOf(await new Reader(await lab.source()).take(1))).toEqual(['2'])
  })
})

describe('kill', () => {
  test('the brokers live on, what was not acked comes again, and the dead process never hears anything', async () => {
    const lab = new MemoryLab()
    const sink = await lab.sink()
    await lab.publish(sink, '1', '2')
    const reader = new Reader(await lab.source())
    const [one, two] = await reader.take(2)
    one!.ack()
    await flushed()
    two!.ack()
    lab.kill()
    const stop = new AbortController()
    const unanswered = sink.publish([message({ id: 'ghost' })], stop.signal)
    const silent = reader.next()
    await flushed()
    const early = await Promise.race([unanswered, silent, Promise.resolve('nothing')])
    expect(early).toBe('nothing')
    expect(idsOf(await new Reader(await lab.source()).take(1))).toEqual(['2'])
    stop.abort()
    reader.stop()
    expect((await unanswered)[0]?.code).toBe('ABORTED')
    expect(await silent).toEqual([])
    expect(lab.contents()).toEqual(['2'])
  })

  test('a wrong password and an unknown broker are told apart', async () => {
    const lab = new MemoryLab()
    lab.broker.password = 'right'
    expect(await codeOf(lab.connect('1s', 'memory://me:wrong@lab').check(never))).toBe('AUTH_FAILED')
    await lab.connect('1s', 'memory://me:right@lab').check(never)
  })
})
