import { afterEach, describe, expect, test } from 'vitest'
import { Headers } from '../../src/core/headers.ts'
import { Asking, answered, calm, counts, inboxes, PICKY, picky } from './asking.ts'
import { Lab, type LabOptions, until } from './lab.ts'
import { Requester, Responder, silent, slowly } from './parties.ts'

const asking = new Asking()
const start = asking.start.bind(asking)

afterEach(() => asking.end())

describe('a route with reply', () => {
  const places: LabOptions[] = [{}, { to: 'log' }, { from: 'log' }, { orderedBatch: false }]
  test.each(places)('brings the answer back under the requester’s own correlation %o', async options => {
    const lab = new Lab(options)
    const requester = new Requester(lab)
    if (options.from === 'log') {
      lab.here.delete('answers')
      lab.here.create('answers', { mode: 'log' })
    }
    await using responder = new Responder(lab)
    responder.headers = Headers.of({ seen: 7, 'sluice-hops': 'x@1' })
    responder.properties = { contentType: 'text/plain', replyTo: 'nowhere' }
    const gateway = start(lab)
    for (let n = 0; n < 50; n++) requester.ask(`q${n}`, `c${n}`, { key: `k${n % 5}` })
    await answered(gateway, 50)
    await calm(lab, gateway)
    expect(requester.heard).toHaveLength(50)
    for (const { body, correlation, error, stored } of requester.heard) {
      expect(body).toBe(`re:"q${correlation!.slice(1)}"`)
      expect(error).toBeUndefined()
      expect(stored.headers.entries).toEqual([['seen', 7]])
      expect(stored.properties).toEqual({ contentType: 'text/plain', correlationId: correlation })
    }
    // The responder sees our addresses, never the requester's.
    expect(new Set(responder.asked.map(({ correlation }) => correlation)).size).toBe(50)
    expect(responder.asked.every(({ correlation }) => correlation!.startsWith('sluice-'))).toBe(true)
    expect(inboxes(responder).size).toBe(1)
    expect(counts(gateway)).toMatchObject({ pending: 0, timedOut: 0, failed: 0, unanswered: 0, oneWay: 0, late: 0 })
  })

  test('sends on while answers are awaited: a key is not held up, and requests keep their order', async () => {
    const lab = new Lab({ orderedBatch: false })
    const requester = new Requester(lab)
    const waiting: (() => void)[] = []
    await using responder = new Responder(lab, async ({ body }) => {
      await new Promise<void>(resolve => waiting.unshift(resolve))
      return body
    })
    const gateway = start(lab)
    const asked = Array.from({ length: 40 }, (_, n) => `q${n}`)
    for (const one of asked) requester.ask(one, one, { key: 'same' })
    await until('all are with the responder', () => responder.asked.length === 40)
    expect(responder.asked.map(({ body }) => JSON.parse(body))).toEqual(asked)
    expect(counts(gateway).pending).toBe(40)
    // Nothing is acknowledged before its answer is back.
    expect(lab.here.unsettled('in')).toBe(40)
    for (const resolve of waiting) resolve()
    await answered(gateway, 40)
    await calm(lab, gateway)
  })

  test('answers with an error when nobody answers in time, settles, and drops the late answer', async () => {
    const lab = new Lab()
    const requester = new Requester(lab)
    await using responder = new Responder(lab, silent)
    const gateway = start(lab, { reply: { timeout: '50ms' } })
    for (let n = 0; n < 20; n++) requester.ask(`q${n}`)
    await until('all have timed out', () => counts(gateway).timedOut === 20)
    await calm(lab, gateway)
    expect(requester.heard.map(({ correlation }) => correlation).toSorted()).toEqual(
      Array.from({ length: 20 }, (_, n) => `q${n}`).toSorted(),
    )
    for (const { body, error, stored } of requester.heard) {
      expect(error).toBe('REPLY_TIMED_OUT')
      expect(JSON.parse(body)).toEqual({
        error: 'nobody answered within 50 ms',
        code: 'REPLY_TIMED_OUT',
        route: 'orders',
      })
      expect(stored.properties.contentType).toBe('application/json')
    }
    expect(counts(gateway)).toMatchObject({ pending: 0, answered: 0, late: 0 })
    for (const question of responder.asked) expect(responder.reply(question, 'too late')).toBe(true)
    await until('they are counted', () => counts(gateway).late === 20)
    expect(requester.heard).toHaveLength(20)
  })

  test('gives up in time what could not even be sent, and does not send it afterwards', async () => {
    const lab = new Lab()
    const requester = new Requester(lab)
    await using responder = new Responder(lab)
    const gateway = start(lab, { reply: { timeout: '150ms' } })
    await until('it runs', () => gateway.status[0]!.state === 'running')
    lab.there.setFaults('out', { unavailable: 1 })
    for (let n = 0; n < 10; n++) requester.ask(`q${n}`)
    await until('all have timed out', () => counts(gateway).timedOut >= 1 && gateway.status[0]!.inFlight === 0)
    lab.there.setFaults('out', {})
    await until('it runs again', () => gateway.status[0]!.state === 'running')
    requester.ask('after')
    await until('the new one is answered', () => requester.heard.some(({ body }) => body === 're:"after"'))
    const { timedOut, answered } = counts(gateway)
    expect(timedOut + answered).toBe(11)
    expect(requester.heard).toHaveLength(11)
    expect(responder.asked).toHaveLength(answered)
  })

  test('a second answer to one request is dropped and counted', async () => {
    const lab = new Lab()
    const requester = new Requester(lab)
    await using responder = new Responder(lab, ({ body }) => `re:${body}`)
    const gateway = start(lab)
    requester.ask('q')
    await answered(gateway, 1)
    responder.reply(responder.asked[0]!, 'again')
    responder.reply({ ...responder.asked[0]!, correlation: 'somebody-else.1' }, 'not ours')
    responder.reply({ ...responder.asked[0]!, correlation: '' }, 'nobody’s')
    await until('the copy is counted', () => counts(gateway).late === 1)
    expect(requester.heard).toHaveLength(1)
  })

  test('a request that cannot go on is answered with the reason, with and without dead letters', async () => {
    for (const deadLetter of [undefined, { connection: 'there', options: { address: 'dead' } }]) {
      const lab = new Lab({ plugins: [picky] })
      const requester = new Requester(lab)
      await using responder = new Responder(lab)
      const gateway = start(lab, { ...PICKY, deadLetter })
      lab.there.setFaults('out', {}).judge = message =>
        String(message.bytes) === '"no"' ? 'MESSAGE_REFUSED' : undefined
      for (const body of ['bad', 'drop', 'no', 'fine']) requester.ask(body, body, { key: 'k' })
      await until('all are answered', () => requester.heard.length === 4)
      await calm(lab, gateway)
      expect(Object.fromEntries(requester.heard.map(({ correlation, error }) => [correlation, error]))).toEqual({
        bad: 'VALIDATION_FAILED',
        drop: 'REQUEST_FILTERED',
        no: 'MESSAGE_REFUSED',
        fine: undefined,
      })
      expect(responder.asked).toHaveLength(1)
      expect(counts(gateway)).toMatchObject({ answered: 1, failed: 3, pending: 0 })
      expect(lab.stored('dead').toSorted()).toEqual(deadLetter === undefined ? [] : ['m-bad', 'm-no'])
    }
  })

  test('an attempt that may do well later is repeated within the time, and not for ever', async () => {
    const lab = new Lab()
    const requester = new Requester(lab)
    await using responder = new Responder(lab)
    let refusals = 2
    lab.there.setFaults('out', {}).judge = message => {
      if (String(message.bytes) === '"never"') return 'NACKED'
      return refusals-- > 0 ? 'NACKED' : undefined
    }
    const gateway = start(lab, { retry: { attempts: 3 } })
    requester.ask('later')
    await answered(gateway, 1)
    requester.ask('never')
    await until('it is given up', () => counts(gateway).failed === 1)
    expect(requester.heard.map(({ error }) => error)).toEqual([undefined, 'ATTEMPTS_EXHAUSTED'])
    expect(responder.asked).toHaveLength(1)
    await calm(lab, gateway)
  })

  test('a message that asks for no answer goes on as on any route', async () => {
    const lab = new Lab()
    await using responder = new Responder(lab, silent)
    const gateway = start(lab, { reply: { timeout: '30ms' } })
    for (let n = 0; n < 10; n++) lab.send({ id: `m${n}` })
    await until('all are settled', () => lab.here.contents('in').length === 0)
    expect(counts(gateway)).toMatchObject({ oneWay: 10, pending: 0, timedOut: 0 })
    expect(
      responder.asked.every(({ replyTo, correlation }) => replyTo === undefined && correlation === undefined),
    ).toBe(true)
  })

  test('a requester that is gone costs nothing but its count', async () => {
    const lab = new Lab()
    const requester = new Requester(lab)
    const gone = new Requester(lab, 'gone')
    await using _responder = new Responder(lab, slowly(20))
    const gateway = start(lab)
    gone.ask('a')
    requester.ask('b')
    lab.here.delete('gone')
    await answered(gateway, 1)
    await until('it is counted', () => counts(gateway).unanswered === 1)
    await calm(lab, gateway)
    expect(lab.here.contents('gone')).toEqual([])
  })

  test('an answer that the requester’s broker does not take becomes an error', async () => {
    const lab = new Lab()
    const requester = new Requester(lab)
    lab.here.maxBytes = 1_000
    await using _responder = new Responder(lab, () => 'x'.repeat(2_000))
    const gateway = start(lab)
    requester.ask('q')
    await until('it is told', () => requester.heard.length === 1)
    expect(requester.heard[0]!.error).toBe('TOO_LARGE')
    await calm(lab, gateway)
    expect(counts(gateway)).toMatchObject({ failed: 1, answered: 0, unanswered: 0 })
  })

  test('an answer is tried again while its broker stumbles, and given up when nobody waits any more', async () => {
    const lab = new Lab()
    const requester = new Requester(lab)
    await using _responder = new Responder(lab)
    const gateway = start(lab, { reply: { timeout: '400ms' } })
    let refusals = 3
    lab.here.setFaults('answers', {}).judge = message => {
      if (message.properties.correlationId === 'never') return 'UNAVAILABLE'
      return refusals-- > 0 ? 'UNAVAILABLE' : undefined
    }
    requester.ask('q')
    await answered(gateway, 1)
    requester.ask('never')
    await until('the route says so', () => gateway.status[0]!.conditions.some(({ part }) => part === 'answers'))
    await until('it is given up', () => counts(gateway).unanswered === 1)
    await calm(lab, gateway)
    expect(gateway.status[0]!.conditions).toEqual([])
    expect(requester.heard.map(({ correlation }) => correlation)).toEqual(['q'])
  })

  test('takes no more than inFlight requests, however many wait', async () => {
    const lab = new Lab()
    const requester = new Requester(lab)
    let most = 0
    await using responder = new Responder(lab, slowly(5))
    const gateway = start(lab, { inFlight: 10 })
    for (let n = 0; n < 200; n++) requester.ask(`q${n}`)
    const look = setInterval(() => {
      most = Math.max(most, counts(gateway).pending, gateway.status[0]!.inFlight)
    }, 1)
    await answered(gateway, 200)
    clearInterval(look)
    expect(most).toBeLessThanOrEqual(10)
    expect(most).toBeGreaterThan(5)
    expect(responder.asked).toHaveLength(200)
    expect(counts(gateway).pending).toBe(0)
  })

  test('metrics tell the same as the status', async () => {
    const lab = new Lab({ plugins: [picky] })
    const requester = new Requester(lab)
    await using _responder = new Responder(lab, ({ body }) => (body === '"mute"' ? undefined : 'r'))
    const gateway = start(lab, { ...PICKY, reply: { timeout: '80ms' } })
    for (const body of ['a', 'b', 'bad', 'drop', 'mute']) requester.ask(body)
    lab.send({ id: 'one-way', body: 'x' })
    await until('all are settled', () => lab.here.contents('in').length === 0)
    const text = await gateway.metrics()
    const of = (sample: string) =>
      Number(
        text
          .split('\n')
          .find(line => line.startsWith(`${sample} `))
          ?.split(' ')[1],
      )
    const ended = (outcome: string) => of(`sluice_requests_total{route="orders",outcome="${outcome}"}`)
    expect(['answered', 'timed-out', 'failed', 'unanswered', 'one-way'].map(ended)).toEqual([2, 1, 2, 0, 1])
    expect(of('sluice_requests_pending{route="orders"}')).toBe(0)
    expect(of('sluice_late_replies_total{route="orders"}')).toBe(0)
    expect(of('sluice_refused_total{route="orders"}')).toBe(2)
    expect(of('sluice_filtered_total{route="orders"}')).toBe(1)
    expect(of('sluice_delivered_total{route="orders"}')).toBe(3)
    expect(of('sluice_reply_seconds_count{route="orders"}')).toBe(2)
  })
})
