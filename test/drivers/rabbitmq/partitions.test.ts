import { describe, expect, it } from 'vitest'
import { eventually, KINDS, message, publishAll, type Receiver, Workbench } from './workbench.ts'

const PARTITIONS = 6

/** A name for partitions, all of which go at the end. */
async function partitions(bench: Workbench, count = PARTITIONS): Promise<string> {
  const name = await bench.exchange('x-consistent-hash')
  await bench.raw.deleteExchange(name)
  for (let i = 0; i < count; i++) bench.forget(`${name}.${i}`)
  return name
}

const keyed = (count: number, keys: number) =>
  Array.from({ length: count }, (_, i) => message({ subject: `k${i % keys}`, bytes: Buffer.from(`${i}`) }))

function inOrder(receivers: readonly Receiver[]): void {
  const seen = new Map<string, number>()
  for (const { message } of receivers.flatMap(({ deliveries }) => deliveries)) {
    const number = Number(String(message.bytes))
    expect(number).toBeGreaterThan(seen.get(message.subject) ?? -1)
    seen.set(message.subject, number)
  }
}

const queuesOf = ({ deliveries }: Receiver) => new Set(deliveries.map(({ message }) => message.source.address))

describe.each(KINDS)('partitions on %s', kind => {
  it('divides what is published to the exchange, and what comes by its bindings, by routing key', async () => {
    await using bench = await Workbench.open(kind)
    const queue = await partitions(bench)
    const shop = await bench.exchange('topic')
    const receiver = await bench.receiver({
      queue,
      partitions: PARTITIONS,
      bind: [{ exchange: shop, keys: ['k1.#', 'k2.#', 'k3.#'] }],
    })
    await publishAll(await bench.sink({ exchange: queue }), keyed(300, 60))
    await publishAll(await bench.sink({ exchange: shop }), [message({ subject: 'k1.a' }), message({ subject: 'k3.b' })])
    await receiver.until(302)
    const places = new Map<string, Set<string>>()
    for (const { message } of receiver.deliveries)
      places.set(message.subject, (places.get(message.subject) ?? new Set()).add(message.source.address))
    expect([...places.values()].every(each => each.size === 1)).toBe(true)
    expect(queuesOf(receiver).size).toBe(PARTITIONS)
    const seen = await bench.management('GET', `/api/queues/%2F/${queue}.0`)
    expect(seen).toMatchObject({ type: 'quorum', arguments: { 'x-single-active-consumer': true } })
  })

  it('divides by a header', async () => {
    await using bench = await Workbench.open(kind)
    const queue = await partitions(bench)
    const receiver = await bench.receiver({ queue, partitions: PARTITIONS, partitionBy: { header: 'user_id' } })
    const sent = Array.from({ length: 200 }, (_, i) =>
      message({ subject: `r${i}`, headers: message().headers.with('user_id', `u${i % 20}`) }),
    )
    await publishAll(await bench.sink({ exchange: queue }), sent)
    const places = new Map<unknown, Set<string>>()
    for (const { message } of await receiver.until(200)) {
      const user = message.headers.get('user_id')
      places.set(user, (places.get(user) ?? new Set()).add(message.source.address))
    }
    expect(places.size).toBe(20)
    expect([...places.values()].every(each => each.size === 1)).toBe(true)
  })

  it('tells the lag of all partitions, and holds no more than may be in flight', async () => {
    await using bench = await Workbench.open(kind)
    const queue = await partitions(bench)
    const receiver = await bench.receiver({ queue, partitions: PARTITIONS }, { inFlight: 60 })
    await publishAll(await bench.sink({ exchange: queue }), keyed(600, 200))
    await receiver.until(60)
    expect(await eventually(async () => ((await receiver.source.lag!(bench.signal)) === 540 ? 540 : undefined))).toBe(
      540,
    )
    expect(receiver.deliveries).toHaveLength(60)
    for (const delivery of receiver.deliveries) delivery.ack()
    await receiver.until(120)
  })

  it('refuses another number of partitions while that would break the order', async () => {
    await using bench = await Workbench.open(kind)
    const queue = await partitions(bench, 8)
    const four = await bench.receiver({ queue, partitions: 4 })
    const open = (partitions: number) => bench.source({ queue, partitions })
    await expect(open(2)).rejects.toMatchObject({
      code: 'ADDRESS_MISMATCH',
      message: `"${queue}" has more than 2 partitions`,
    })
    await expect(open(8)).rejects.toMatchObject({
      code: 'ADDRESS_MISMATCH',
      message: expect.stringContaining('in use'),
    })
    await publishAll(await bench.sink({ exchange: queue }), keyed(1, 1))
    await four.until(1)
    await four[Symbol.asyncDispose]()
    await expect(open(8)).rejects.toMatchObject({
      code: 'ADDRESS_MISMATCH',
      message: expect.stringContaining('in use'),
    })
    for (let i = 0; i < 4; i++) await bench.raw.purgeQueue(`${queue}.${i}`)
    await open(8)
  })

  it('passive uses what is there and declares nothing', async () => {
    await using bench = await Workbench.open(kind)
    const queue = await partitions(bench)
    const open = () => bench.source({ queue, partitions: PARTITIONS, passive: true })
    await expect(open()).rejects.toMatchObject({ code: 'ADDRESS_MISSING' })
    await (await bench.source({ queue, partitions: PARTITIONS }))[Symbol.asyncDispose]()
    await open()
  })

  it('refuses more partitions than messages may be in flight', async () => {
    await using bench = await Workbench.open(kind)
    const opened = bench.source({ queue: 'never', partitions: 8 }, { inFlight: 7 })
    await expect(opened).rejects.toMatchObject({ code: 'OPTIONS_INVALID' })
  })

  it('a second gateway that waits its turn says so, and takes over in order when the first one leaves', async () => {
    await using bench = await Workbench.open(kind)
    await using other = await Workbench.open(kind)
    const queue = await partitions(bench)
    const options = { queue, partitions: PARTITIONS, type: 'classic' }
    const first = await bench.receiver(options, { inFlight: PARTITIONS * 5 })
    const second = await other.receiver(options)
    await publishAll(await bench.sink({ exchange: queue }), keyed(200, 50))
    await first.until(PARTITIONS * 5)
    // Messages wait, and it is right that the second gets none of them.
    await eventually(async () => (await second.source.lag!(bench.signal)) === 200 - PARTITIONS * 5 || undefined)
    expect(second.source.standingBy).toBe(true)
    expect(second.deliveries).toEqual([])
    for (const delivery of first.deliveries.slice(0, 7)) delivery.ack()
    await first[Symbol.asyncDispose]()
    await second.until(193)
    inOrder([second])
    expect(second.deliveries).toHaveLength(193)
  })
})

// Before 4.0 a single active consumer stays, whatever the priority of those who come.
describe('partitions on rabbitmq4', () => {
  it('are spread over the gateways that are there, and handed over in order', async () => {
    await using bench = await Workbench.open('rabbitmq4')
    await using other = await Workbench.open('rabbitmq4')
    const queue = await partitions(bench)
    const options = { queue, partitions: PARTITIONS }
    const first = await bench.receiver(options)
    const sink = await bench.sink({ exchange: queue })
    await publishAll(sink, keyed(100, 50))
    for (const delivery of await first.until(100)) delivery.ack()
    const second = await other.receiver(options)
    await eventually(async () => {
      const all = (await bench.management('GET', '/api/consumers/%2F')) as { queue: { name: string } }[]
      return all.filter(one => one.queue.name.startsWith(`${queue}.`)).length === PARTITIONS * 2 || undefined
    })
    await publishAll(sink, keyed(300, 50).slice(100))
    const got = () => first.deliveries.length + second.deliveries.length
    await eventually(async () => (got() === 300 ? true : undefined))
    for (const receiver of [first, second]) for (const delivery of receiver.deliveries) delivery.ack()
    expect(second.deliveries.length).toBeGreaterThan(0)
    expect(first.deliveries.length).toBeGreaterThan(100)
    const late = new Set(first.deliveries.slice(100).map(({ message }) => message.source.address))
    expect(queuesOf(second).isDisjointFrom(late)).toBe(true)
    inOrder([first, second])
    await second[Symbol.asyncDispose]()
    const before = first.deliveries.length
    await publishAll(sink, keyed(50, 50))
    await first.until(before + 50)
  })
})
