import { expect, test } from 'vitest'
import { until } from '../streams/ends.ts'
import { Example } from './example.ts'
import { clear, queue, queueThere, stream } from './places.ts'

test('request and reply: a client of NATS is answered by a worker on RabbitMQ, or told that nobody answers', async () => {
  await clear({ queues: ['price.of'] })
  await using _ = await Example.start('request-reply')
  await until('the route has declared its queue', () => queueThere('price.of'))
  await using worker = await queue('price.of')
  await using nats = await stream('none')
  const { consumerTag } = await worker.channel.consume('price.of', request => {
    if (request === null) return
    const { replyTo, correlationId } = request.properties as { replyTo: string; correlationId: string }
    worker.channel.sendToQueue(replyTo, Buffer.from(`${request.content} costs 12`), { correlationId })
    worker.channel.ack(request)
  })
  const answers = await Promise.all(
    ['tea', 'milk', 'bread'].map(async what =>
      (await nats.client.request('price.of', what, { timeout: 10_000 })).string(),
    ),
  )
  expect(answers).toEqual(['tea costs 12', 'milk costs 12', 'bread costs 12'])

  await worker.channel.cancel(consumerTag)
  const silence = await nats.client.request('price.of', 'salt', { timeout: 10_000 })
  expect(silence.headers?.get('sluice-error')).toBe('REPLY_TIMED_OUT')
  expect(silence.json()).toMatchObject({ code: 'REPLY_TIMED_OUT', route: 'price-of' })
})
