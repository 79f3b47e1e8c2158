import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { SluiceError } from '../../../src/core/errors.ts'
import type { Message } from '../../../src/core/message.ts'
import type { Case } from '../case.ts'
import type { Lab } from '../lab.ts'
import { Receiver } from '../receiver.ts'

const CALLS = 60
const CALL = 25
const AGAIN_MS = 250

export const restart: Case = {
  number: 16,
  title: 'broker restarted in mid-stream: nothing lost, flow resumes',
  timeoutMs: 300_000,
  unasked: (features, testbed) => {
    if (testbed.restart === undefined) return 'the testbed cannot restart its broker'
    return features.durable ? undefined : 'the broker keeps nothing over a restart (features.durable)'
  },
  async run(lab) {
    const address = await lab.address()
    const sink = await lab.sink(address.sink)
    const sent = Array.from({ length: CALLS * CALL }, (_, i) => lab.message({ key: `key-${i % 10}` }))
    const got = new Map<string, number>()
    const done = new AbortController()
    const reading = read(lab, address.source('one'), got, sent.length, done.signal)
    // Whatever ends the reading is thrown once the publishing is done with.
    reading.catch(() => {})
    let restarting: Promise<void> | undefined
    try {
      for (let i = 0; i < CALLS; i++) {
        // Some is confirmed and received before, the rest is published while the broker is away and after.
        if (i === CALLS / 3) restarting = lab.testbed.restart!()
        await publishAll(lab, sink, sent.slice(i * CALL, (i + 1) * CALL))
      }
      await restarting
      await reading
    } finally {
      done.abort()
      await Promise.allSettled([restarting, reading])
    }
    const lost = sent.filter(({ id }) => !got.has(id)).map(({ id }) => id)
    assert.deepEqual(lost, [], 'nothing is lost')
  },
}

type LabSink = Awaited<ReturnType<Lab['sink']>>

/** As the engine does it: what failed is published again, on the same sink. */
async function publishAll(lab: Lab, sink: LabSink, messages: readonly Message[]): Promise<void> {
  let rest = messages
  for (let attempt = 1; rest.length > 0; attempt++) {
    const results = await sink.publish(rest, lab.signal)
    const failed = results.find(result => result !== null)
    if (!failed) return
    assert(attempt < 400, `the sink does not recover: ${failed.code} ${failed.message}`)
    assert.equal(
      failed.fate,
      'retry',
      `a broker that restarts is no reason to give up: ${failed.code} ${failed.message}`,
    )
    rest = rest.filter((_, i) => results[i] !== null)
    await sleep(AGAIN_MS)
  }
}

/** As the engine does it: a source that fails is disposed of, and a new one opened after a while. */
async function read(lab: Lab, options: unknown, got: Map<string, number>, count: number, signal: AbortSignal) {
  while (!signal.aborted && got.size < count) {
    try {
      await using receiver = new Receiver(await lab.source(options), 4 * lab.patienceMs)
      const all = () => {
        for (const delivery of receiver.received.splice(0)) {
          if (delivery.expired) continue
          delivery.ack()
          got.set(delivery.message.id, (got.get(delivery.message.id) ?? 0) + 1)
        }
        return got.size >= count || signal.aborted
      }
      await receiver.until(all, () => `${count} messages; ${got.size} came`)
    } catch (error) {
      if (signal.aborted) return
      const reason = error instanceof SluiceError || !(error instanceof Error) ? error : error.cause
      if (!(reason instanceof SluiceError)) throw error
      assert.equal(reason.fate, 'retry', `a broker that restarts is no reason to stop: ${reason.message}`)
      await sleep(AGAIN_MS)
    }
  }
}
