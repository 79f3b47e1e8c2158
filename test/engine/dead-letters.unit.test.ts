import { expect, test } from 'vitest'
import { DeadLetterBox } from '../../src/engine/dead-letter-box.ts'
import { Lab, route, until } from './lab.ts'

const never = new AbortController().signal

async function withDeadLetters(to: 'queue' | 'log') {
  const lab = new Lab({ to })
  for (let n = 0; n < 30; n++) lab.send({ key: `k${n % 3}`, body: { n }, id: `m${n}` })
  let bad = true
  lab.there.faults.judge = message =>
    bad && Number(message.id.slice(1)) % 10 === 3 && !message.headers.get('sluice-dead-reason')
      ? 'MESSAGE_REFUSED'
      : undefined
  const config = route()
  const { gateway } = lab.start([config])
  await until('all acked', () => lab.here.contents('in').length === 0)
  await gateway.stop(1_000)
  bad = false
  return { lab, box: new DeadLetterBox(lab.box(config)) }
}

for (const to of ['queue', 'log'] as const) {
  test.concurrent(`${to}: listing leaves every dead letter where it is, however often`, async () => {
    const { box } = await withDeadLetters(to)
    for (let again = 0; again < 3; again++) {
      const letters = await Array.fromAsync(box.list({}, never))
      expect(letters.map(letter => letter.id)).toEqual(['m3', 'm13', 'm23'])
      expect(letters[0]).toMatchObject({ reason: 'MESSAGE_REFUSED', route: 'orders', stage: 'publish', attempts: 1 })
    }
    expect((await Array.fromAsync(box.list({ reasons: ['TOO_LARGE'] }, never))).length).toBe(0)
    expect((await Array.fromAsync(box.list({ limit: 2 }, never))).length).toBe(2)
  })

  test.concurrent(`${to}: redriving takes what matches, under a new id, and keeps the rest`, async () => {
    const { lab, box } = await withDeadLetters(to)
    const dry = await box.redrive({ ids: ['m13'] }, { dryRun: true }, never)
    expect(dry).toMatchObject({ matched: 1, done: 0 })
    const done = await box.redrive({ ids: ['m13'] }, { setHeaders: [['fixed', 'yes']] }, never)
    expect(done).toMatchObject({ matched: 1, done: 1, failed: 0 })
    const redriven = lab.there.ledger?.published('out').at(-1)
    expect(redriven?.headers.view).toMatchObject({ 'sluice-redriven-id': 'm13', fixed: 'yes' })
    expect(redriven?.headers.get('sluice-dead-reason')).toBeUndefined()
    expect(redriven?.id).not.toBe('m13')
    expect((await Array.fromAsync(box.list({}, never))).map(letter => letter.id).sort()).toEqual(['m23', 'm3'])
    expect(await box.purge({}, {}, never)).toMatchObject({ matched: 2, done: 2 })
    expect(await Array.fromAsync(box.list({}, never))).toEqual([])
  })

  test.concurrent(`${to}: what fails again is a dead letter again, and the run ends`, async () => {
    const { lab, box } = await withDeadLetters(to)
    lab.there.faults.judge = message =>
      message.headers.get('sluice-dead-reason') === undefined ? 'MESSAGE_REFUSED' : undefined
    expect(await box.redrive({}, {}, never)).toMatchObject({ matched: 3, done: 0, failed: 3 })
    expect((await Array.fromAsync(box.list({}, never))).length).toBe(3)
  })
}
