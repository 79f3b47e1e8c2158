import { describe, expect, test } from 'vitest'
import { type ErrorCode, SluiceError } from '../../src/core/errors.ts'
import type { Delivery } from '../../src/core/ports.ts'
import { Lab, route, until } from './lab.ts'
import { forever, Handed, scripted, sinkOf, sourceOf } from './scripted.ts'

/** A gateway whose sessions the test opens and ends, and whose publish calls it answers. */
function rig(changes: Parameters<typeof route>[0] = {}) {
  const sessions: { hand(batch: readonly Delivery[]): void; end(): void }[] = []
  const calls: { readonly ids: readonly string[]; answer(code?: ErrorCode): void }[] = []
  const stored: string[] = []
  const odd = scripted('odd', {
    source: async () =>
      sourceOf(async function* (signal) {
        const batches: (readonly Delivery[])[] = []
        let lost = false
        let wake = () => {}
        sessions.push({
          hand: batch => {
            batches.push(batch)
            wake()
          },
          end: () => {
            lost = true
            wake()
          },
        })
        while (!signal.aborted) {
          if (lost) throw new SluiceError('CONNECTION_LOST', 'lost')
          const batch = batches.shift()
          if (batch === undefined) await Promise.race([new Promise<void>(resolve => (wake = resolve)), forever(signal)])
          else yield batch
        }
      }),
    sink: async () =>
      sinkOf(
        messages =>
          new Promise(resolve => {
            const ids = messages.map(one => one.id)
            const answer = (code?: ErrorCode) => {
              if (code === undefined) stored.push(...ids)
              resolve(
                ids.map(() => (code === undefined ? null : new SluiceError(code, code, { retryAfterMs: 60_000 }))),
              )
            }
            calls.push({ ids, answer })
          }),
      ),
  })
  const lab = new Lab({ plugins: [odd.plugin], connections: [odd.connection] })
  const { gateway } = lab.start([
    route({ from: { connection: 'odd', options: {} }, to: { connection: 'odd', options: {} }, ...changes }),
  ])
  const session = async (number: number) => {
    await until('the session is open', () => sessions[number] !== undefined)
    return sessions[number]!
  }
  const call = async (number: number) => {
    await until('it is published', () => calls[number] !== undefined)
    return calls[number]!
  }
  return { gateway, session, call, calls, stored, status: () => gateway.status[0]! }
}

const handed = (...ids: readonly string[]) => ids.map(id => new Handed({ id, key: 'k' }))
const expire = (deliveries: readonly Handed[]) => {
  for (const each of deliveries) each.expired = true
}
const dedup = { by: '${id}', window: '1m', count: 100, store: 'memory', options: {} }

describe.each([{ dedup: undefined }, { dedup }])('what expires', ({ dedup: config }) => {
  const claims = config === undefined ? 'without dedup' : 'with dedup'

  test(`in a lane leaves it, ${claims}: while its turn is under way, and before its next`, async () => {
    const { gateway, session, call, stored, status } = rig({ dedup: config, batch: batch(1) })
    const old = handed('a', 'b', 'c')
    const one = await session(0)
    one.hand(old)
    const first = await call(0)
    expire(old)
    one.end()
    await session(1)
    first.answer()
    await until('all gone', () => status().inFlight === 0)
    // `a` had been published; the others come again.
    expect(stored).toEqual(['a'])
    expect(old.map(each => each.acks)).toEqual([1, 0, 0])
    await gateway.stop(1_000)
  })

  test(`while it waits for another attempt does not wait any longer, ${claims}`, async () => {
    const { gateway, session, call, stored, status } = rig({ dedup: config })
    const old = handed('a', 'b')
    const one = await session(0)
    one.hand(old)
    ;(await call(0)).answer('NACKED')
    await until('it waits', () => status().heldLanes === 1)
    expire(old)
    one.end()
    await until('all gone', () => status().inFlight === 0)
    const again = handed('a', 'b')
    ;(await session(1)).hand(again)
    ;(await call(1)).answer()
    await until('acked', () => again.every(each => each.acks === 1))
    expect(stored).toEqual(['a', 'b'])
    await gateway.stop(1_000)
  })

  // Invariant 4: the copy of a message that is being given up waits for it, and what is behind it waits, too.
  test(`lets its copy pass before what came after it, ${claims}`, async () => {
    const { gateway, session, call, stored } = rig({ dedup: config })
    const old = handed('a')
    const one = await session(0)
    one.hand(old)
    const first = await call(0)
    expire(old)
    one.end()
    const again = handed('a', 'b', 'c')
    ;(await session(1)).hand(again)
    await new Promise(resolve => setTimeout(resolve, 20))
    // Was: the lane slept for the minute that was asked for, with nothing in it but what had expired.
    first.answer('NACKED')
    ;(await call(1)).answer()
    await until('acked', () => again.every(each => each.acks === 1))
    expect(stored).toEqual(['a', 'b', 'c'])
    await gateway.stop(1_000)
  })
})

function batch(size: number) {
  return { size, bytes: '1MiB', linger: '0', concurrency: 1 }
}
