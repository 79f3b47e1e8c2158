import assert from 'node:assert/strict'
import type { SluiceError } from '../../../src/core/errors.ts'
import type { Case } from '../case.ts'

const SOON_MS = 5_000

export const closedSink: Case = {
  number: 14,
  title: 'publish after dispose or with an aborted signal ⇒ results, not a throw, not a hang',
  async run(lab) {
    const address = await lab.address()
    const sink = await lab.sink(address.sink)
    const messages = lab.messages(3)
    await lab.publish(sink, [lab.message()])
    aborted(await soon(sink.publish(messages, AbortSignal.abort())), 3)
    const stop = new AbortController()
    const publishing = sink.publish(messages, stop.signal)
    stop.abort()
    const cut = await soon(publishing)
    assert.equal(cut.length, 3, 'a publish that is aborted half-way answers for every message')
    for (const result of cut) assert(result === null || result.code === 'ABORTED', `not ${result?.code}`)
    await lab.publish(sink, [lab.message()])
    await sink[Symbol.asyncDispose]()
    aborted(await soon(sink.publish(messages, lab.signal)), 3)
  },
}

function aborted(results: readonly (SluiceError | null)[], count: number): void {
  assert.deepEqual(
    results.map(result => result?.code),
    new Array(count).fill('ABORTED'),
  )
}

async function soon<T>(promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`the publish hangs: no answer within ${SOON_MS} ms`)), SOON_MS)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
