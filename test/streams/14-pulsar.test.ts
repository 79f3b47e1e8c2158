import { randomBytes, randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { given } from '../brokers/given.ts'
import { expectExactly, messages } from './account.ts'
import type { Outgoing } from './ends.ts'
import { KafkaEnd } from './kafka-end.ts'
import { obstacle, WITH_OBSTACLE } from './obstacle.ts'
import { type Ends, startRoute } from './plain-route.ts'
import { PulsarEnd } from './pulsar-end.ts'
import { RabbitEnd } from './rabbit-end.ts'

// The most telling cases of the suite with Pulsar, by WebSocket, as source and as target.

type Kind = 'pulsar' | 'kafka' | 'rabbitmq4'

function open(kind: Kind, name: string) {
  const { url } = given(kind)
  if (kind === 'pulsar') return PulsarEnd.open({ url, topic: name })
  if (kind === 'kafka') return KafkaEnd.open({ url, topic: name })
  return RabbitEnd.open({ url, queue: name })
}

async function lane(from: Kind, to: Kind): Promise<Ends & AsyncDisposable> {
  const name = `stream.${randomUUID().slice(0, 13)}`
  const [source, target] = await Promise.all([open(from, `${name}.from`), open(to, `${name}.to`)])
  if (target instanceof KafkaEnd) await target.read()
  return {
    source,
    target,
    async [Symbol.asyncDispose]() {
      await Promise.all([source[Symbol.asyncDispose](), target[Symbol.asyncDispose]()])
    },
  }
}

const ways: readonly (readonly [Kind, Kind])[] = [
  ['pulsar', 'kafka'],
  ['kafka', 'pulsar'],
  ['rabbitmq4', 'pulsar'],
  ['pulsar', 'rabbitmq4'],
  ['pulsar', 'pulsar'],
]

const refuseOneInTen = () =>
  obstacle((id, attempt) => (Number(id.slice(1)) % 10 === 3 && attempt === 1 ? 'again' : 'pass'))

describe.each(ways)('%s → %s', (from, to) => {
  test('one in ten is refused once, and the route restarted: each arrives once, in the order of its key', async () => {
    await using ends = await lane(from, to)
    const refuse = refuseOneInTen()
    const all = messages({ count: 1_000, keys: 37 })
    await ends.source.send(all)
    const more = `${WITH_OBSTACLE}    rate: 500/s\n`
    let settled = 0
    {
      await using gateway = await startRoute(ends, more, [refuse])
      await gateway.until('some are through', ({ settled }) => settled >= 200)
      await gateway.stop()
      settled = gateway.route.settled
      expect(settled, 'it stopped in mid-stream').toBeLessThan(1_000)
    }
    await using gateway = await startRoute(ends, more, [refuse])
    // A drained stop repeats nothing.
    await gateway.settled(1_000 - settled)
    await expect.poll(() => ends.source.left(), { interval: 200 }).toBe(0)
    await gateway.stop()
    expectExactly(all, await ends.target.drain())
    expect(await ends.source.left()).toBe(0)
  })
})

describe.each([
  ['pulsar', 'kafka'],
  ['kafka', 'pulsar'],
] as const)('%s → %s', (from, to) => {
  test('empty, null, binary and large bodies', async () => {
    await using ends = await lane(from, to)
    const bodies: readonly (Buffer | null)[] = [
      Buffer.alloc(0),
      null,
      Buffer.from([0xff, 0x00, 0xfe]),
      Buffer.from('"text"'),
      randomBytes(900_000),
    ]
    const sent = bodies.map((body, i): Outgoing => ({ id: `m${i}`, key: `k${i}`, body, headers: { id: `m${i}` } }))
    await ends.source.send(sent)
    const large = to === 'pulsar' ? { TO: { ...ends.target.to, maxMessageBytes: '8MiB' } } : {}
    await using gateway = await startRoute(ends, '', [], large)
    await gateway.settled(sent.length)
    await gateway.stop()
    expectExactly(sent, await ends.target.drain())
  })
})
