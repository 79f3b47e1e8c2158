import { expect, test } from 'vitest'
import { account, messages } from '../streams/account.ts'
import { until } from '../streams/ends.ts'
import { Example } from './example.ts'
import { bound, clear, queue, queueThere, topic, topicThere } from './places.ts'

test('event bus: what is published on RabbitMQ and Kafka is on the bus, and everybody takes what they want', async () => {
  const leftovers = {
    queues: ['bus.shop', 'mails'],
    exchanges: ['shop.events'],
    topics: ['billing.events', 'events.lake'],
    streams: ['EVENTS'],
  }
  await clear(leftovers)
  await using billing = await topic('billing.events')
  await billing.create()
  await using _ = await Example.start('event-bus')
  await until('the bus listens to the shop', () => bound('bus.shop', 'shop.events'))

  const orders = messages({ count: 30, keys: 3, name: 'order-' })
  await using shop = await queue('bus.shop')
  for (const { body, key } of orders)
    shop.channel.publish('shop.events', 'order.created', body!, { persistent: true, headers: { key } })
  await shop.channel.waitForConfirms()
  const kinds = ['invoice', 'reminder']
  const bills = messages({ count: 40, keys: 4, name: 'bill-' }).map((one, i) => ({
    ...one,
    headers: { kind: kinds[i % 2]! },
  }))
  await billing.send(bills)

  await until('the lake is there', () => topicThere('events.lake'))
  await using lake = await topic('events.lake')
  await until('the lake has everything', async () => (await lake.count()) >= 70)
  await lake.read()
  const all = account([...orders, ...bills], await lake.drain())
  expect(all).toMatchObject({ ok: 70, lost: [], unexpected: [], disordered: [] })

  await until('mails are there', () => queueThere('mails'))
  await using mails = await queue('mails')
  const invoices = bills.filter(one => one.headers.kind === 'invoice')
  await until('all invoices are mails', async () => (await mails.left()) >= invoices.length)
  expect(account(invoices, await mails.drain())).toMatchObject({ ok: 20, lost: [], unexpected: [], disordered: [] })
  // Nothing has come back to where it was.
  expect(await billing.count()).toBe(40)
})
