import { expect, test } from 'vitest'
import { messages } from '../streams/account.ts'
import type { Outgoing } from '../streams/ends.ts'
import { ElasticsearchStage } from './elasticsearch-stage.ts'

const COUNT = 6_000

/** Changes of orders: each of `ids` has `revisions`, which follow one another. */
function changes(ids: number, revisions: number): Outgoing[] {
  return Array.from({ length: ids * revisions }, (_, n) => {
    const body = { id: `o-${n % ids}`, revision: Math.floor(n / ids) }
    return { id: `${body.id}/${body.revision}`, key: null, body: Buffer.from(JSON.stringify(body)) }
  })
}

test('the gateway is killed three times: each document is there once', async () => {
  await using stage = await ElasticsearchStage.open({ more: '    rate: 3000/s\n' })
  const sent = messages({ count: COUNT })
  await stage.send(sent)
  for (let kill = 1; kill <= 3; kill++) {
    const gateway = await stage.gateway()
    const goal = (COUNT * kill) / 5
    await stage.until(`${goal} are written`, () => stage.index.all.length >= goal)
    expect(stage.index.all.length, 'killed in mid-stream').toBeLessThan(COUNT)
    await gateway.kill()
  }
  await stage.gateway()
  await stage.finish(() => stage.index.all.length === COUNT)
  const stored = new Map(stage.index.all.map(({ id, source }) => [id, JSON.stringify(source)]))
  expect(stored).toEqual(new Map(sent.map(({ id, body }) => [id, body!.toString()])))
  expect(stage.index.writes, 'the kills made repeats').toBeGreaterThan(COUNT)
  expect(await stage.deadReasons()).toEqual([])
})

test('a storm of 429 backs off, puts nothing aside, and the last change of each order stays', async () => {
  await using stage = await ElasticsearchStage.open({
    more: '    retry: { attempts: 2, backoff: { initial: 20ms, max: 200ms } }\n',
  })
  let refused = 0
  const busy = {
    status: 429,
    type: 'es_rejected_execution_exception',
    reason: 'rejected execution of coordinating operation',
  }
  stage.server.faults.item = n => {
    if (n > 1_200 || n % 3 !== 0) return undefined
    refused++
    return busy
  }
  await stage.send(changes(300, 10))
  const gateway = await stage.gateway()
  await stage.finish(() => stage.index.all.filter(({ source }) => source['revision'] === 9).length === 300)
  expect(refused).toBeGreaterThan(400)
  expect(stage.index.all.map(({ source }) => source['revision'])).toEqual(new Array(300).fill(9))
  expect(await stage.deadReasons()).toEqual([])
  expect(gateway.tail).toContain('rejected execution')
})

test('refused documents are in the dead-letter queue, with the reason; the others pass', async () => {
  await using stage = await ElasticsearchStage.open({ index: { longs: ['n'] } })
  const body = (n: number) => ({ id: `o-${n}`, n: n % 100 === 7 ? 'my secret' : n })
  const sent = Array.from({ length: 500 }, (_, n) => ({
    id: `o-${n}`,
    key: null,
    body: Buffer.from(JSON.stringify(body(n))),
  }))
  await stage.send([...sent, { id: 'list', key: null, body: Buffer.from('[]') }])
  const gateway = await stage.gateway()
  await stage.finish(() => stage.index.all.length === 495, 6)
  expect(stage.index.all).toHaveLength(495)
  const reasons = (await stage.deadReasons()).toSorted()
  expect(reasons).toHaveLength(6)
  for (const n of [7, 107, 207, 307, 407])
    expect(reasons.join('\n')).toContain(
      `o-${n}: MESSAGE_REFUSED: document_parsing_exception: [1:5] failed to parse field [n] of type [long]`,
    )
  expect(reasons.join('\n') + gateway.tail).not.toContain('secret')
})

test('the cluster is away for a while: the route holds and goes on by itself', async () => {
  await using stage = await ElasticsearchStage.open({ more: '    rate: 2000/s\n' })
  await stage.send(messages({ count: COUNT }))
  const gateway = await stage.gateway()
  await stage.until('a third is written', () => stage.index.all.length >= COUNT / 3)
  await stage.server.down()
  await gateway.says(/holds|waits|cannot be reached/i)
  await stage.server.up()
  await stage.finish(() => stage.index.all.length === COUNT)
  expect(stage.index.all).toHaveLength(COUNT)
  expect(await stage.deadReasons()).toEqual([])
})
