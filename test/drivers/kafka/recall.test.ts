import { expect, it } from 'vitest'
import { given } from '../../brokers/given.ts'
import { KafkaLab, message } from './kafka-lab.ts'

const lab = () => new KafkaLab(given('kafka').url)
const marked = (...values: readonly string[]) =>
  values.map(value =>
    message({
      key: value,
      list: [
        ['mark', value],
        ['other', 'x'],
      ],
    }),
  )

it('reads back the header of everything published after a position, over all partitions', async () => {
  await using it = lab()
  const sink = await it.sink({ topic: await it.topic(6) })
  await it.publish(sink, marked('a', 'b', 'c'))
  const since = await sink.position!(it.signal)
  expect(await sink.recall!(since, 'mark', it.signal)).toEqual(new Set())
  const values = Array.from({ length: 500 }, (_, n) => `v${n}`)
  await it.publish(sink, marked(...values))
  await it.publish(sink, [message()])
  expect(await sink.recall!(since, 'mark', it.signal)).toEqual(new Set(values))
})

it('reads from the beginning what was published to a topic that was empty', async () => {
  await using it = lab()
  const sink = await it.sink({ topic: await it.topic(3) })
  const since = await sink.position!(it.signal)
  await it.publish(sink, marked('only'))
  expect(await sink.recall!(since, 'mark', it.signal)).toEqual(new Set(['only']))
})

it('a topic that differs per message cannot be read back, and says so', async () => {
  await using it = lab()
  const sink = await it.sink({ topic: '${headers.topic}' })
  expect(sink.recall).toBeUndefined()
  expect(sink.position).toBeUndefined()
})
