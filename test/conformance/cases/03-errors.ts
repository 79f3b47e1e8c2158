import assert from 'node:assert/strict'
import type { SluiceError } from '../../../src/core/errors.ts'
import type { Case } from '../case.ts'
import type { Lab } from '../lab.ts'

export const errors: Case = {
  number: 3,
  title: 'wrong host ⇒ retry; wrong password or missing address ⇒ fatal; too large ⇒ poison',
  async run(lab) {
    const address = await lab.address()
    const away = lab.testbed.unreachable()
    judged('an unreachable broker', await checkFailure(lab, away), 'retry', 'endpoint')
    judged('a sink of an unreachable broker', await sinkFailure(lab, address.sink, away), 'retry', 'endpoint')
    judged(
      'a source of an unreachable broker',
      await sourceFailure(lab, address.source('one'), away),
      'retry',
      'endpoint',
    )
    const barred = lab.testbed.unauthorized?.()
    if (barred !== undefined) judged('a wrong password', await checkFailure(lab, barred), 'fatal', 'endpoint')
    const missing = lab.testbed.missing()
    judged('a sink without its address', await sinkFailure(lab, missing.sink), 'fatal', 'endpoint')
    judged('a source without its address', await sourceFailure(lab, missing.source), 'fatal', 'endpoint')
    await tooLarge(lab, address.sink)
  },
}

function judged(what: string, error: SluiceError, fate: string, scope: string): void {
  const found = `${error.code} (${error.message})`
  assert.equal(error.fate, fate, `${what} is ${fate}, not ${error.fate}: ${found}`)
  assert.equal(error.scope, scope, `${what} concerns the ${scope}, not the ${error.scope}: ${found}`)
}

function checkFailure(lab: Lab, options: unknown): Promise<SluiceError> {
  return lab.failure('check', () => lab.connect(options).check(lab.signal))
}

// A driver may say so when the endpoint is opened or when it is used.
function sinkFailure(lab: Lab, options: unknown, connection?: unknown): Promise<SluiceError> {
  return lab.failure('the sink', async () => {
    const sink = await lab.sink(options, lab.connect(connection))
    const [result] = await sink.publish([lab.message()], lab.signal)
    if (result) throw result
  })
}

function sourceFailure(lab: Lab, options: unknown, connection?: unknown): Promise<SluiceError> {
  return lab.failure('the source', async () => {
    const source = await lab.source(options, { connection: lab.connect(connection) })
    for await (const _ of source.receive(lab.signal)) throw new Error('there is nothing to receive')
  })
}

async function tooLarge(lab: Lab, options: unknown): Promise<void> {
  const sink = await lab.sink(options)
  const huge = lab.message({ key: 'huge', bytes: Buffer.alloc(lab.features.maxBytes + 1) })
  const [before, large, after] = await sink.publish(
    [lab.message({ key: 'a' }), huge, lab.message({ key: 'b' })],
    lab.signal,
  )
  assert.equal(before, null, 'the message before one that is too large is stored')
  assert(large, `a message of maxBytes + 1 (${huge.size}) bytes is refused`)
  judged('a message that is too large', large, 'poison', 'message')
  // With orderedBatch it may have to wait for the next call, see case 6.
  if (after && lab.features.orderedBatch) judged('a message behind one that is too large', after, 'retry', 'message')
  else assert.equal(after, null, 'the message behind one that is too large is stored')
}
