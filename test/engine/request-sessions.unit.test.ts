import { afterEach, describe, expect, test } from 'vitest'
import { Asking, answered, calm, counts, inboxes } from './asking.ts'
import { Lab, until } from './lab.ts'
import { Requester, Responder, silent, slowly } from './parties.ts'

const asking = new Asking()
const start = asking.start.bind(asking)

afterEach(() => asking.end())

describe('sessions, gateways and their ends', () => {
  test('two gateways at once: each request is answered once, by the one that has it', async () => {
    const lab = new Lab()
    const requester = new Requester(lab)
    await using responder = new Responder(lab, slowly(3))
    const [one, other] = [start(lab, { inFlight: 20 }), start(lab, { inFlight: 20 })]
    for (let n = 0; n < 300; n++) requester.ask(`q${n}`)
    await until('all are answered', () => requester.heard.length >= 300)
    await calm(lab, one)
    await calm(lab, other)
    expect(requester.heard).toHaveLength(300)
    expect(new Set(requester.heard.map(({ correlation }) => correlation)).size).toBe(300)
    expect(responder.asked).toHaveLength(300)
    expect(inboxes(responder).size).toBe(2)
    expect(counts(one).answered + counts(other).answered).toBe(300)
    expect(counts(one).late + counts(other).late).toBe(0)
  })

  test('draining waits for answers, and the inbox is gone afterwards', async () => {
    const lab = new Lab()
    const requester = new Requester(lab)
    await using responder = new Responder(lab, slowly(200))
    const gateway = start(lab)
    for (let n = 0; n < 10; n++) requester.ask(`q${n}`)
    await until('all are asked', () => responder.asked.length === 10)
    await gateway.stop(5_000)
    expect(requester.heard.map(({ error }) => error)).toEqual(Array(10).fill(undefined))
    expect(lab.here.contents('in')).toEqual([])
    expect(() => lab.there.place(responder.asked[0]!.replyTo!)).toThrow(/does not exist/)
  })

  test('a drain that is over leaves what is unanswered to the next gateway', async () => {
    const lab = new Lab()
    const requester = new Requester(lab)
    await using responder = new Responder(lab, silent)
    const first = start(lab)
    for (let n = 0; n < 10; n++) requester.ask(`q${n}`)
    await until('all are asked', () => responder.asked.length === 10)
    await first.stop(50)
    expect(lab.here.contents('in')).toHaveLength(10)
    const second = start(lab)
    await until('all are asked again', () => responder.asked.length === 20)
    for (const question of responder.asked) responder.reply(question, 'r')
    await answered(second, 10)
    expect(requester.heard).toHaveLength(10)
  })

  test('a killed gateway loses no request: they are asked again, under other correlations', async () => {
    const lab = new Lab()
    const requester = new Requester(lab)
    let answering = false
    await using responder = new Responder(lab, ({ body }) => (answering ? `re:${body}` : undefined))
    start(lab)
    for (let n = 0; n < 30; n++) requester.ask(`q${n}`)
    await until('all are asked', () => responder.asked.length === 30)
    await asking.killLast()
    answering = true
    const next = start(lab)
    await answered(next, 30)
    await calm(lab, next)
    expect(new Set(requester.heard.map(({ correlation }) => correlation)).size).toBe(30)
    expect(requester.heard).toHaveLength(30)
    expect(responder.asked).toHaveLength(60)
    expect(new Set(responder.asked.map(({ correlation }) => correlation)).size).toBe(60)
  })

  test('a lost session of the source: its requests are forgotten, come again and are answered once', async () => {
    const lab = new Lab()
    const requester = new Requester(lab)
    let answering = false
    await using responder = new Responder(lab, ({ body }) => (answering ? `re:${body}` : undefined))
    const gateway = start(lab)
    for (let n = 0; n < 20; n++) requester.ask(`q${n}`)
    await until('all are asked', () => responder.asked.length === 20)
    const before = responder.asked.slice()
    answering = true
    lab.here.reach.disconnect()
    await answered(gateway, 20)
    for (const question of before) responder.reply(question, 'of the first session')
    await until('those are late', () => counts(gateway).late === 20)
    await calm(lab, gateway)
    expect(requester.heard).toHaveLength(20)
    expect(counts(gateway).pending).toBe(0)
  })

  test('a lost inbox holds the route, is opened again at the same address, and keeps what came meanwhile', async () => {
    const lab = new Lab()
    const requester = new Requester(lab)
    let answering = false
    await using responder = new Responder(lab, ({ body }) => (answering ? `re:${body}` : undefined))
    const gateway = start(lab)
    for (let n = 0; n < 10; n++) requester.ask(`q${n}`)
    await until('all are asked', () => responder.asked.length === 10)
    lab.there.reach.goDown()
    await until('the route says so', () => gateway.status[0]!.conditions.some(({ part }) => part === 'replies'))
    for (const question of responder.asked) responder.reply(question, 'r')
    answering = true
    requester.ask('more')
    lab.there.reach.comeUp()
    await answered(gateway, 11)
    expect(inboxes(responder).size).toBe(1)
    expect(gateway.status[0]!.conditions).toEqual([])
    // What was not confirmed when the broker went down is asked again, under the same correlation: the second answer is late.
    expect(requester.heard).toHaveLength(11)
  })

  test('while no answers can be had, nothing more is received', async () => {
    const lab = new Lab()
    const requester = new Requester(lab)
    await using responder = new Responder(lab)
    const gateway = start(lab)
    requester.ask('first')
    await answered(gateway, 1)
    const inbox = responder.asked[0]!.replyTo!
    lab.there.delete(inbox)
    lab.there.setFaults(inbox, { missing: true })
    await until('the route says so', () => gateway.status[0]!.conditions.some(({ part }) => part === 'replies'))
    // What the source had been asked for already still comes.
    requester.ask('second')
    await until('it is received', () => gateway.status[0]!.received === 2)
    for (let n = 0; n < 10; n++) requester.ask(`q${n}`)
    for (let turns = 0; turns < 50; turns++) await new Promise(resolve => setImmediate(resolve))
    expect(gateway.status[0]!.received).toBe(2)
    expect(gateway.status[0]!.state).toBe('blocked')
    lab.there.setFaults(inbox, {})
    await until('they are answered', () => requester.heard.length >= 11)
    expect(gateway.status[0]!.state).toBe('running')
  })

  test('nothing is received before answers can be had', async () => {
    const lab = new Lab()
    const requester = new Requester(lab)
    await using _responder = new Responder(lab)
    requester.ask('q')
    lab.here.password = 'secret'
    const gateway = start(lab)
    await until('the route says why', () => gateway.status[0]!.conditions.some(({ part }) => part === 'answers'))
    expect(gateway.status[0]!.received).toBe(0)
    lab.here.password = undefined
    await answered(gateway, 1)
  })
})
