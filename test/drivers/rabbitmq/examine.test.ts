import { describe, expect, it } from 'vitest'
import { findings } from '../findings.ts'
import { KINDS, publishAll, texts, Workbench } from './workbench.ts'

describe.each(KINDS)('what doctor sees of %s', kind => {
  const drops =
    kind === 'rabbitmq4'
      ? /^warn queue .*RabbitMQ 4 drops what was delivered 20 times/
      : /^ok queue .*no delivery limit/

  it('knows the type of a queue, and whether its delivery limit drops messages', async () => {
    await using bench = await Workbench.open(kind)
    const of = async (args: object, type?: string) => {
      const queue = await bench.queue({ arguments: args })
      return findings(bench, 'source', { queue, type })
    }
    expect(await of({})).toContainEqual(expect.stringMatching(/^ok queue .*it is there \(classic\)/))
    expect(await of({ 'x-queue-type': 'stream' })).toContainEqual(expect.stringMatching(/it is there \(stream\)/))
    const quorum = await of({ 'x-queue-type': 'quorum' }, 'quorum')
    expect(quorum).toContainEqual(expect.stringMatching(/it is there \(quorum\)/))
    expect(quorum).toContainEqual(expect.stringMatching(drops))
    const kept = await of({ 'x-queue-type': 'quorum', 'x-max-length': 10, 'x-dead-letter-exchange': 'amq.fanout' })
    expect(kept).toContainEqual(expect.stringMatching(/^ok .*dead-letter exchange "amq.fanout"/))
    expect(await of({ 'x-message-ttl': 60_000 }, 'quorum')).toEqual([
      expect.stringMatching(/^fail queue .*ADDRESS_MISMATCH: it is a classic queue, and the route wants quorum/),
      expect.stringMatching(/^unseen .*policies .* not told over AMQP/),
      expect.stringMatching(/^unseen .*consumer_timeout/),
    ])
    const nowhere = await of({ 'x-queue-type': 'quorum', 'x-dead-letter-exchange': 'nowhere' })
    expect(nowhere).toContainEqual(expect.stringMatching(/^warn .*dead-letter exchange "nowhere" does not exist/))
  })

  it('sees queues that are neither durable nor of a stated type', async () => {
    await using bench = await Workbench.open(kind)
    const queue = await bench.queue({ durable: false, autoDelete: true })
    expect(await findings(bench, 'sink', { queue })).toContainEqual(expect.stringMatching(/it is there \(classic\)/))
  })

  it('tells what is missing from what Sluice will declare', async () => {
    await using bench = await Workbench.open(kind)
    const queue = bench.queueName()
    const exchange = await bench.exchange('topic')
    expect((await findings(bench, 'source', { queue }))[0]).toMatch(/^ok queue .*not there yet; Sluice declares it/)
    expect((await findings(bench, 'source', { queue, passive: true }))[0]).toMatch(/^fail queue .*ADDRESS_MISSING/)
    expect((await findings(bench, 'sink', { exchange }))[0]).toMatch(/^ok exchange .*it is there/)
    expect((await findings(bench, 'sink', { exchange: 'nowhere' }))[0]).toMatch(
      /^fail exchange "nowhere": ADDRESS_MISSING/,
    )
    expect((await findings(bench, 'sink', { exchange: 'nowhere', type: 'topic' }))[0]).toMatch(
      /^ok .*Sluice declares it/,
    )
    const bound = await findings(bench, 'source', { queue, bind: [{ exchange: 'nowhere', keys: ['a'] }] })
    expect(bound).toContainEqual(expect.stringMatching(/^fail exchange "nowhere"/))
    await expect(bench.management('GET', `/api/queues/%2F/${queue}`)).rejects.toThrow(/404/)
    await expect(bench.management('GET', '/api/exchanges/%2F/nowhere')).rejects.toThrow(/404/)
  })

  it('looks at every queue of a partitioned source', async () => {
    await using bench = await Workbench.open(kind)
    const queue = bench.queueName()
    const found = await findings(bench, 'source', { queue, partitions: 2 })
    expect(found.filter(line => line.startsWith('ok'))).toEqual([
      `ok queue "${queue}.0": it is not there yet; Sluice declares it`,
      `ok queue "${queue}.1": it is not there yet; Sluice declares it`,
    ])
  })

  it('takes nothing from a queue', async () => {
    await using bench = await Workbench.open(kind)
    const queue = await bench.queue({ arguments: { 'x-queue-type': 'quorum' } })
    await publishAll(await bench.sink({ queue }), texts(3))
    await findings(bench, 'source', { queue })
    await findings(bench, 'sink', { queue })
    expect(await bench.ready(queue)).toBe(3)
  })
})
