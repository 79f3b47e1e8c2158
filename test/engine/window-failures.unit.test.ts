import { describe, expect, test } from 'vitest'
import { DeadLetterBox } from '../../src/engine/dead-letter-box.ts'
import { route, until } from './lab.ts'
import { at, bodyOf, folder, header, kept, send, started, step, told, window } from './window-lab.ts'

describe('what fails', () => {
  const sum = { aggregate: { sum: '${body.total}' } }

  test('one message by its expression: put aside alone', async () => {
    const { lab, status } = started({ transform: [window(sum)] })
    for (const [n, total] of [1, 'many', 3].entries())
      lab.send({ id: `m${n}`, key: 'a', timestamp: 1_000, body: { total } })
    lab.send({ key: 'a', timestamp: 6_000, body: { total: 1 } })
    await until('the window', () => kept(lab).length === 1 && status().inFlight === 1)
    expect(bodyOf(kept(lab)[0]!)['sum']).toBe(4)
    expect(kept(lab, 'dead').map(({ id }) => id)).toEqual(['m1'])
    expect(header(kept(lab, 'dead')[0], 'sluice-dead-message')).toBe(
      'window: sum of ${body.total} needs a number or null, not a string',
    )
  })

  test('an aggregate that the target refuses: each of its messages is put aside, with the reason', async () => {
    const { lab, status } = started({ transform: [window()] })
    lab.there.faults.judge = message => (message.id.includes('/a/') ? 'MESSAGE_REFUSED' : undefined)
    send(lab, 'a', 1, 2)
    send(lab, 'b', 1, 6)
    await until('all but the open one left', () => status().inFlight === 1)
    expect(kept(lab, 'dead').map(({ id, key }) => [id, key])).toEqual([
      ['m0', 'a'],
      ['m1', 'a'],
    ])
    expect(kept(lab, 'dead').map(letter => header(letter, 'sluice-dead-reason'))).toEqual([
      'MESSAGE_REFUSED',
      'MESSAGE_REFUSED',
    ])
    expect(kept(lab, 'dead').map(letter => header(letter, 'sluice-dead-stage'))).toEqual(['publish', 'publish'])
    expect(told(lab, 'b')).toEqual([[at(0), 1]])
    expect(lab.here.ledger?.settledTwice()).toEqual([])
  })

  test('without a dead letter it blocks its own key, and the route says so', async () => {
    const { lab, status } = started({ transform: [window()], deadLetter: undefined })
    lab.there.faults.judge = message => (message.id.includes('/a/') ? 'MESSAGE_REFUSED' : undefined)
    send(lab, 'a', 1, 2)
    send(lab, 'b', 1, 6, 12)
    await until('b passes', () => told(lab, 'b').length === 2)
    await until('said', () => status().conditions.length === 1)
    expect(status().conditions[0]).toMatchObject({ part: 'message', code: 'MESSAGE_REFUSED' })
    expect(status().conditions[0]?.message).toContain(`message orders/a/${at(0)} blocks its key`)
    lab.there.faults.judge = undefined
    await until('a passes', () => told(lab, 'a').length === 1)
  })

  test('an aggregate that fails is tried again, its key waits behind it, others do not', async () => {
    const { lab, status } = started({ transform: [window()], retry: { attempts: 100, max: '5ms' } })
    let failures = 0
    lab.there.faults.judge = message => {
      if (message.id !== `orders/a/${at(0)}` || failures === 20) return undefined
      failures++
      return 'NACKED'
    }
    send(lab, 'a', 1, 6)
    send(lab, 'b', 1, 6)
    send(lab, 'a', 11)
    await until('all closed', () => status().inFlight === 1)
    expect(told(lab, 'a')).toEqual([
      [at(0), 1],
      [at(5), 1],
    ])
    expect(failures).toBe(20)
    expect(kept(lab).findIndex(({ key }) => key === 'b')).toBeLessThan(kept(lab).findIndex(({ key }) => key === 'a'))
  })

  test('a redrive brings its messages through the window again, under an id of its own', async () => {
    const config = { transform: [window({ store: { name: 'file', options: {} } })] }
    const { lab } = started(config, { baseDir: folder() })
    lab.there.faults.judge = message => (message.id.includes('/a/') ? 'MESSAGE_REFUSED' : undefined)
    send(lab, 'a', 1, 2, 6)
    await until('put aside', () => kept(lab, 'dead').length === 2)
    lab.there.faults.judge = undefined
    const box = new DeadLetterBox(lab.box(route({ order: 'source', ...config })))
    const never = new AbortController().signal
    expect(await box.redrive({}, {}, never)).toMatchObject({ matched: 2, done: 2, failed: 0 })
    expect(told(lab, 'a')).toEqual([[expect.stringMatching(/^1970-01-01T00:00:00.000Z\/redrive-[0-9a-f]{8}$/), 2]])
  })

  test('a step behind the window: its messages are put aside', async () => {
    const { lab } = started({ transform: [window(), step('set', { headers: { n: '${body.nothing}' } })] })
    send(lab, 'a', 1, 2, 6)
    await until('put aside', () => kept(lab, 'dead').length === 2)
    expect(header(kept(lab, 'dead')[0], 'sluice-dead-stage')).toBe('transform')
  })
})

describe('a kill', () => {
  const file = { store: { name: 'file', options: {} } }

  test('between the note and the confirm: the next process publishes the same, without a message', async () => {
    const { lab, kill, status } = started({ transform: [window(file)] }, { baseDir: folder() })
    lab.there.faults.set({ storeMs: 3_600_000 })
    send(lab, 'a', 1, 2, 6)
    await until('held', () => status().inFlight === 3)
    await new Promise(resolve => setTimeout(resolve, 50))
    await kill()
    expect(kept(lab)).toEqual([])
    lab.there.faults.set({ storeMs: 0 })
    lab.here.faults.set({ receiveMs: 3_600_000 })
    const next = lab.start([route({ order: 'source', transform: [window(file)] })])
    await until('published', () => kept(lab).length >= 1)
    expect(told(lab, 'a')[0]).toEqual([at(0), 2])
    await next.kill()
    lab.here.faults.clear()
    const last = lab.start([route({ order: 'source', transform: [window(file)] })])
    send(lab, 'a', 11)
    await until('one left', () => lab.here.contents('in').length === 1)
    await last.gateway.stop(5_000)
    // Two at the most: the answer for the first may not have been heard.
    const ids = new Map(told(lab, 'a').map(([id, count]) => [id, count]))
    expect([...ids]).toEqual([
      [at(0), 2],
      [at(5), 1],
      [at(10), 1],
    ])
  })

  test('behind the confirm: what was not acknowledged in time is a copy', async () => {
    const { lab, kill, status } = started({ transform: [window(file)] }, { baseDir: folder() })
    // Acks do not reach the broker.
    lab.here.faults.set({ ackMs: 3_600_000 })
    send(lab, 'a', 1, 2, 6)
    await until('published and settled here', () => status().inFlight === 1)
    await kill()
    lab.here.faults.clear()
    const next = lab.start([route({ order: 'source', transform: [window(file)] })])
    send(lab, 'a', 11)
    await until('one is left', () => lab.here.contents('in').length === 1)
    await next.gateway.stop(5_000)
    expect(new Map(told(lab, 'a').map(([id, count]) => [id, count]))).toEqual(
      new Map([
        [at(0), 2],
        [at(5), 1],
        [at(10), 1],
      ]),
    )
  })
})
