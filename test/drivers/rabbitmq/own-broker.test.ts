import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, describe, expect, it } from 'vitest'
import { quiet } from '../../../src/core/quiet-log.ts'
import { rabbitmq } from '../../../src/drivers/rabbitmq/driver.ts'
import { type Broker, startBroker } from '../../brokers/broker.ts'
import { rabbitmqctl } from './control.ts'
import { eventually, message, Receiver, texts } from './workbench.ts'

for (const [kind, version] of [
  ['rabbitmq4', '4.0'],
  ['rabbitmq3', '3.10'],
] as const) {
  // A broker of one's own: these tests freeze and starve it.
  const broker: Broker = await startBroker(kind, { instance: 'driver' })
  afterAll(() => broker[Symbol.asyncDispose]())

  describe(`a broker in trouble (${version})`, () => {
    const states: string[] = []
    const context = {
      route: 'faults',
      inFlight: 1000,
      inFlightBytes: 2 ** 26,
      log: quiet,
      status: (state: string) => void states.push(state),
    }
    const signal = () => AbortSignal.timeout(60_000)

    it('short of memory blocks publishing: it shows, nothing times out, and all arrive once it has room', async () => {
      await using connection = rabbitmq.connect({ url: broker.url }, { name: 'blocked', log: quiet, baseDir: '.' })
      await using sink = await connection.sink({ queue: 'blocked.q', publishTimeout: '1s' }, context, signal())
      await rabbitmqctl(broker, 'set_vm_memory_high_watermark', '0.00001')
      try {
        const first = sink.publish([message()], signal())
        await eventually(async () => (states.includes('blocked') ? true : undefined))
        const more = sink.publish(texts(100), signal())
        await sleep(1500)
        await rabbitmqctl(broker, 'set_vm_memory_high_watermark', '0.6')
        expect((await first).every(result => result === null)).toBe(true)
        expect((await more).every(result => result === null)).toBe(true)
        expect(states.at(-1)).toBe('ok')
      } finally {
        await rabbitmqctl(broker, 'set_vm_memory_high_watermark', '0.6')
      }
    })

    it('frozen: publishing times out, the session ends, and both go on after the thaw', async () => {
      await using connection = rabbitmq.connect(
        { url: broker.url, heartbeat: '1s', connectTimeout: '1s' },
        { name: 'frozen', log: quiet, baseDir: '.' },
      )
      const options = { queue: 'frozen.q', type: 'quorum' }
      const open = async () => new Receiver(await connection.source(options, context, signal()))
      await using sink = await connection.sink({ ...options, publishTimeout: '1s' }, context, signal())
      const receiver = await open()
      await sink.publish(texts(10), signal())
      await receiver.until(10)
      broker.freeze()
      try {
        const results = await sink.publish(texts(10), signal())
        expect(new Set(results.map(result => result?.code))).toEqual(new Set(['TIMED_OUT']))
        expect(await receiver.ended()).toMatchObject({ code: 'CONNECTION_LOST' })
        expect(receiver.deliveries.every(delivery => delivery.expired)).toBe(true)
        await expect(connection.check(signal())).rejects.toMatchObject({ fate: 'retry' })
      } finally {
        broker.thaw()
        await receiver[Symbol.asyncDispose]()
      }
      await eventually(() =>
        connection.check(signal()).then(
          () => true,
          () => undefined,
        ),
      )
      const results = await eventually(async () => {
        const tried = await sink.publish(texts(10, 'again '), signal())
        return tried.every(result => result === null) ? tried : undefined
      })
      expect(results).toHaveLength(10)
      await using next = await open()
      await next.until(20)
    })
  })
}
