import { expect, test } from 'vitest'
import { Lab, route, until } from './lab.ts'

test('carries messages from the source to the target, and acks each once', async () => {
  const lab = new Lab()
  const sent = Array.from({ length: 1_000 }, (_, i) => lab.send({ key: `k${i % 10}` }))
  const { gateway } = lab.start([route()])
  await until('all arrived', () => lab.stored().length === sent.length)
  await until('all acked', () => lab.here.contents('in').length === 0)
  expect(new Set(lab.stored())).toEqual(new Set(sent))
  expect(lab.here.ledger?.settledTwice()).toEqual([])
  await gateway.stop(5_000)
  expect(gateway.status[0]?.state).toBe('ended')
})

test('a poison message goes to the dead letters with its reason, and its neighbours pass', async () => {
  const lab = new Lab()
  for (let n = 0; n < 20; n++) lab.send({ key: 'k', body: { n }, id: `m${n}` })
  lab.there.faults.judge = message =>
    message.id === 'm7' && message.headers.get('sluice-dead-reason') === undefined ? 'MESSAGE_REFUSED' : undefined
  const { gateway } = lab.start([route()])
  await until('all acked', () => lab.here.contents('in').length === 0)
  expect(lab.stored('dead')).toEqual(['m7'])
  expect(lab.stored()).toEqual(Array.from({ length: 20 }, (_, n) => `m${n}`).filter(id => id !== 'm7'))
  const [letter] = lab.there.contents('dead')
  expect(letter?.headers.view).toMatchObject({
    'sluice-dead-reason': 'MESSAGE_REFUSED',
    'sluice-dead-stage': 'publish',
    'sluice-dead-route': 'orders',
  })
  await gateway.stop(5_000)
})

test('an outage uses up no attempt: nothing is dead-lettered, the route says why it holds, and goes on by itself', async () => {
  const lab = new Lab()
  lab.there.reach.goDown()
  for (let n = 0; n < 50; n++) lab.send({ key: `k${n % 3}` })
  const { gateway } = lab.start([route({ retry: { attempts: 1 } })])
  await until('it holds', () => gateway.status[0]?.state === 'holding')
  expect(gateway.status[0]?.conditions[0]?.part).toBe('target')
  lab.there.reach.comeUp()
  await until('all acked', () => lab.here.contents('in').length === 0)
  expect(lab.stored('dead')).toEqual([])
  await gateway.stop(5_000)
})

test('two routes that feed each other stop at the first message that comes back, and put it aside', async () => {
  const lab = new Lab({ to: 'queue' })
  const here = (address: string) => ({ connection: 'here', options: { address } })
  const { gateway } = lab.start([
    route({ name: 'there', from: here('in'), to: here('other'), deadLetter: here('dead') }),
    route({ name: 'back', from: here('other'), to: here('in'), deadLetter: here('dead') }),
  ])
  for (let n = 0; n < 20; n++) lab.send({ key: `k${n}` })
  await until('all put aside', () => lab.here.contents('dead').length === 20)
  await until('nothing goes round', () => lab.here.contents('in').length + lab.here.contents('other').length === 0)
  const [letter] = lab.here.contents('dead')
  expect(letter?.headers.view).toMatchObject({ 'sluice-dead-reason': 'LOOP', 'sluice-dead-stage': 'receive' })
  expect(letter?.headers.text('sluice-hops')).toMatch(/^there@[0-9a-f]{8},back@[0-9a-f]{8}$/)
  await gateway.stop(5_000)
})
