import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { SluiceError } from '../../src/core/errors.ts'
import type { Claim, Store } from '../../src/core/ports.ts'
import { Discard } from '../../src/engine/dead-letter.ts'
import { Dedup } from '../../src/engine/dedup.ts'
import { Gate } from '../../src/engine/gate.ts'
import { Hops } from '../../src/engine/hops.ts'
import { Item, type Outcome } from '../../src/engine/item.ts'
import { Pipeline } from '../../src/engine/pipeline.ts'
import type { PipelineOptions } from '../../src/engine/pipeline-options.ts'
import { Publisher } from '../../src/engine/publisher.ts'
import { until } from './lab.ts'
import { Handed } from './scripted.ts'

const BACKOFF = { initial: 1, max: 5, factor: 2, jitter: 0 }

/** A pipeline to a sink that refuses each message whose id the test names, once. */
function rig(options: Partial<PipelineOptions> = {}) {
  const abort = new AbortController()
  const outcomes = new Map<Outcome, number>()
  const refused = new Set<string>()
  const gate = new Gate({ backoff: BACKOFF, probe: async () => {}, changed: () => {} }, abort.signal)
  const publisher = new Publisher(
    {
      publish: async messages => {
        await turn()
        return messages.map(({ id }) => {
          if (!id.endsWith('5') || refused.has(id)) return null
          refused.add(id)
          return new SluiceError('NACKED', 'no')
        })
      },
      gate,
      count: 500,
      bytes: 1e9,
      linger: 0,
      concurrency: 4,
      window: 500,
      observe: () => {},
    },
    abort.signal,
  )
  const pipeline = new Pipeline({
    order: message => message.keyText ?? undefined,
    hops: new Hops('r@1'),
    dedup: undefined,
    transform: message => {
      if (message.id.endsWith('7')) throw new Error('poison')
      return message.id.endsWith('3') ? undefined : message
    },
    publisher,
    deadLetters: new Discard(),
    retry: { attempts: 10, backoff: BACKOFF },
    turn: { count: 500, bytes: 1e9 },
    retried: () => {},
    blocked: () => {},
    left: item => outcomes.set(item.outcome, (outcomes.get(item.outcome) ?? 0) + 1),
    ...options,
  })
  return { pipeline, outcomes }
}

const handed = (count: number, from = 0) =>
  Array.from({ length: count }, (_, n) => new Handed({ id: `m${from + n}`, key: `k${from + n}` }))

describe('the lanes of a pipeline', () => {
  // Ten million keys are ten of these, one after the other: what is left of one would add up.
  test('are gone when their messages are: delivered, filtered, tried again, put aside, expired', async () => {
    const { pipeline, outcomes } = rig()
    for (let round = 0; round < 10; round++) {
      const deliveries = handed(1_000, round * 1_000)
      pipeline.admit(deliveries)
      for (const [n, each] of deliveries.entries()) if (n % 10 === 9) each.expired = true
      await until('all have left', () => pipeline.inFlight === 0)
      expect(pipeline.lanes).toEqual({ all: 0, held: 0 })
    }
    expect(Object.fromEntries(outcomes)).toEqual({
      delivered: 7_000,
      filtered: 1_000,
      discarded: 1_000,
      dropped: 1_000,
    })
  })

  test('are gone when the pipeline is closed with everything still on it', () => {
    const { pipeline } = rig()
    pipeline.admit([...handed(100), ...handed(100)])
    // Ten are filtered and ten discarded at once.
    expect(pipeline.lanes.all).toBe(80)
    pipeline.close()
    pipeline.close()
    expect(pipeline.lanes.held).toBe(0)
  })
})

describe('the claims of a process', () => {
  const store = (claims: Claim): Store => ({
    claim: async keys => keys.map(() => claims),
    confirm: async () => {},
    forget: async () => {},
    async [Symbol.asyncDispose]() {},
  })
  const dedup = (claims: Claim) =>
    new Dedup(
      { store: store(claims), key: one => one.id, window: 1, lease: 1, backoff: BACKOFF, status: () => {} },
      new AbortController().signal,
    )
  const item = (id: string) => {
    const made = new Item(new Handed({ id }), 0)
    made.dedupKey = id
    return made
  }
  const ask = (asked: Dedup, ...items: readonly Item[]) =>
    new Promise<readonly Claim[]>(resolve => asked.claim(items, resolve))

  // An outage may last longer than the lease of a claim, and the store then gives the key away.
  test('hold while their message is under way, whatever the store says', async () => {
    const one = dedup('fresh')
    const first = item('a')
    expect(await ask(one, first, item('b'))).toEqual(['fresh', 'fresh'])
    expect(await ask(one, item('a'), item('c'))).toEqual(['held', 'fresh'])
    one.forget(first)
    await turn()
    expect(await ask(one, item('a'))).toEqual(['fresh'])
  })

  test('are one for copies that are asked for together: the others wait for it, or are done with it', async () => {
    expect(await ask(dedup('fresh'), item('a'), item('a'), item('b'))).toEqual(['fresh', 'held', 'fresh'])
    expect(await ask(dedup('done'), item('a'), item('a'), item('b'))).toEqual(['done', 'done', 'done'])
    expect(await ask(dedup('held'), item('a'), item('a'))).toEqual(['held', 'held'])
  })

  test('are open since the oldest of them', async () => {
    const one = dedup('fresh')
    expect(one.oldestClaim).toBeUndefined()
    const before = Date.now()
    const first = item('a')
    await ask(one, first)
    expect(one.oldestClaim).toBeGreaterThanOrEqual(before)
    await new Promise<void>(resolve => one.confirm(first, resolve))
    expect(one.oldestClaim).toBeUndefined()
  })
})
