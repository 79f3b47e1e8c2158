import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { FaultRates } from '../../src/drivers/memory/faults.ts'
import { effort } from '../effort.ts'
import { Lab, route, until } from './lab.ts'

// Whole per cent: fast-check's doubles are all but zero most of the time, and a fault that never happens tests nothing.
const share = (max: number) => fc.integer({ min: 0, max: max * 100 }).map(percent => percent / 100)
const rates: fc.Arbitrary<FaultRates> = fc.record({
  nack: share(0.2),
  loseConfirm: share(0.1),
  unavailable: share(0.03),
  breakPublish: share(0.03),
  breakReceive: share(0.03),
  redeliver: share(0.1),
  storeMs: fc.integer({ min: 0, max: 3 }),
  confirmMs: fc.integer({ min: 0, max: 3 }),
  ackMs: fc.integer({ min: 0, max: 3 }),
})

const scenario = fc.record({
  seed: fc.integer(),
  from: fc.constantFrom('queue' as const, 'log' as const),
  to: fc.constantFrom('queue' as const, 'log' as const),
  orderedBatch: fc.boolean(),
  here: rates,
  there: rates,
  keys: fc.integer({ min: 1, max: 12 }),
  kills: fc.integer({ min: 0, max: 3 }),
  poison: fc.constantFrom(0, 0, 7, 23),
  deadLetter: fc.boolean(),
  inFlight: fc.constantFrom(5, 40, 200),
})

const COUNT = 200

describe('random faults, kills and restarts', () => {
  test('nothing is lost, the order of a key is kept, every delivery is settled once', async () => {
    await fc.assert(
      fc.asyncProperty(scenario, async run => {
        const lab = new Lab({ seed: run.seed, from: run.from, to: run.to, orderedBatch: run.orderedBatch })
        const sent = Array.from({ length: COUNT }, (_, n) =>
          lab.send({ key: `k${n % run.keys}`, id: `${n % run.keys}/${n}` }),
        )
        const bad = new Set(run.poison === 0 ? [] : sent.filter((_, n) => n % run.poison === 1))
        lab.here.faults.set(run.here)
        lab.there.faults.set(run.there)
        lab.there.faults.judge = message =>
          bad.has(message.id) && message.headers.get('sluice-dead-reason') === undefined ? 'MESSAGE_REFUSED' : undefined
        const config = route({
          inFlight: run.inFlight,
          deadLetter:
            run.deadLetter || run.poison > 0 ? { connection: 'there', options: { address: 'dead' } } : undefined,
          retry: { attempts: 1_000 },
        })
        let { gateway, kill } = lab.start([config])
        for (let n = 0; n < run.kills; n++) {
          const enough = lab.stored().length + COUNT / 8
          await until('some passed', () => lab.stored().length >= Math.min(enough, COUNT - bad.size))
          await kill()
          ;({ gateway, kill } = lab.start([config]))
        }
        const arrived = () => new Set([...lab.stored(), ...lab.stored('dead')])
        await until('all arrived', () => arrived().size === COUNT)
        lab.here.faults.clear()
        lab.there.faults.rates = {}
        await until('all settled', () => lab.here.unsettled('in') === 0 && gateway.status[0]?.inFlight === 0)
        await gateway.stop(5_000)

        expect(new Set(lab.stored('dead'))).toEqual(bad)
        for (let key = 0; key < run.keys; key++) {
          const mine = lab.firsts().filter(id => id.startsWith(`${key}/`))
          expect(mine).toEqual(sent.filter(id => id.startsWith(`${key}/`) && !bad.has(id)))
        }
        expect(lab.here.ledger?.settledTwice()).toEqual([])
      }),
      { numRuns: Number(process.env.SLUICE_RUNS ?? effort(40)), endOnFailure: true },
    )
  })
})
