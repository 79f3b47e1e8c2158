import { expect, it, vi } from 'vitest'
import type { SluiceError } from '../../../src/core/errors.ts'
import { Watchdog, type Watched } from '../../../src/drivers/kafka/watchdog.ts'

const STUCK_AFTER = 200

class Patient implements Watched {
  fetching = true
  lastFetch = 0
  lastRecords = 0
  waiting: number | undefined = 0
  up = true
  failure: SluiceError | undefined

  reachable = async () => this.up
  behind = async () => this.waiting

  fail(error: SluiceError): void {
    this.failure = error
  }
}

/** For so long, or until it has barked. */
async function watch(patient: Patient, change: () => void, ms: number): Promise<void> {
  using _ = new Watchdog(patient, STUCK_AFTER)
  for (const end = Date.now() + ms; Date.now() < end && patient.failure === undefined; ) {
    change()
    await new Promise(resolve => setTimeout(resolve, 10))
  }
}

const barks = (patient: Patient, change: () => void) =>
  watch(patient, change, 15_000).then(() =>
    expect(patient.failure).toMatchObject({ code: 'SOURCE_STUCK', fate: 'retry' }),
  )
const sleeps = (patient: Patient, change: () => void) =>
  watch(patient, change, 1_000).then(() => expect(patient.failure).toBeUndefined())

it('no fetch is answered though the broker is there: stuck', async () => {
  await barks(new Patient(), () => {})
})

it('fetches are answered, records wait, none comes: stuck', async () => {
  const patient = new Patient()
  patient.waiting = 7
  await barks(patient, () => {
    patient.lastFetch = Date.now()
  })
  expect(patient.failure?.message).toMatch(/7 records wait/)
})

it('fetches are answered and nothing waits: quiet is right', async () => {
  const patient = new Patient()
  await sleeps(patient, () => {
    patient.lastFetch = Date.now()
  })
})

it('the broker is away: standing still is right, and the time it was away does not count', async () => {
  const patient = new Patient()
  patient.up = false
  await sleeps(patient, () => {})
})

it('paused by back-pressure or in a rebalance: standing still is right', async () => {
  const patient = new Patient()
  patient.fetching = false
  patient.waiting = 7
  await sleeps(patient, () => {})
})

it('records come: nothing is wrong', async () => {
  const patient = new Patient()
  patient.waiting = 7
  await sleeps(patient, () => {
    patient.lastFetch = Date.now()
    patient.lastRecords = Date.now()
  })
})

it('switched off, or put away: no look at all', async () => {
  const patient = new Patient()
  const look = vi.spyOn(patient, 'reachable')
  new Watchdog(patient, 0)
  new Watchdog(patient, 50)[Symbol.dispose]()
  await new Promise(resolve => setTimeout(resolve, 300))
  expect(look).not.toHaveBeenCalled()
})
