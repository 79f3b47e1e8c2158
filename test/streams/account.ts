import { expect } from 'vitest'
import type { Arrived, Outgoing } from './ends.ts'

/** Jepsen's words, and ours for order. Every message of `attempts` and every one read is in exactly one of the sets. */
export interface Account {
  /** Sent, and confirmed by the source broker. */
  readonly acknowledged: number
  /** Acknowledged and read at the target at least once. */
  readonly ok: number
  /** Acknowledged and not read. */
  readonly lost: readonly string[]
  /** Copies beyond the first, by id. */
  readonly duplicated: ReadonlyMap<string, number>
  /** Sent, never acknowledged, and read all the same: allowed. */
  readonly recovered: readonly string[]
  /** Read, and never sent. */
  readonly unexpected: readonly string[]
  /** Read for the first time behind a later message of its key. */
  readonly disordered: readonly string[]
  /** Read with another key or another body than it was sent with. */
  readonly altered: readonly string[]
}

/** What became of what was sent. `attempts` in the order of sending; `acknowledged` defaults to all of them. */
export function account(
  attempts: readonly Outgoing[],
  arrived: readonly Arrived[],
  acknowledged: ReadonlySet<string> = new Set(attempts.map(one => one.id)),
): Account {
  const sent = new Map(attempts.map((one, place) => [one.id, { ...one, place }]))
  if (sent.size !== attempts.length) throw new Error('two messages of this test have the same id')
  const seen = new Set<string>()
  const duplicated = new Map<string, number>()
  const unexpected: string[] = []
  const disordered: string[] = []
  const altered: string[] = []
  const latest = new Map<string, number>()
  for (const { id, key, body } of arrived) {
    const original = sent.get(id)
    if (original === undefined) {
      unexpected.push(id)
      continue
    }
    if (key !== original.key || !sameBody(body, original.body)) altered.push(id)
    if (seen.has(id)) {
      duplicated.set(id, (duplicated.get(id) ?? 0) + 1)
      continue
    }
    seen.add(id)
    if (key === null) continue
    if (original.place < (latest.get(key) ?? -1)) disordered.push(id)
    else latest.set(key, original.place)
  }
  const lost = [...acknowledged].filter(id => !seen.has(id))
  const recovered = [...seen].filter(id => !acknowledged.has(id))
  const ok = acknowledged.size - lost.length
  return { acknowledged: acknowledged.size, ok, lost, duplicated, recovered, unexpected, disordered, altered }
}

const sameBody = (a: Buffer | null, b: Buffer | null) => (a === null || b === null ? a === b : a.equals(b))

/** Each message there once, in order by key, unchanged, and nothing else. */
export function expectExactly(attempts: readonly Outgoing[], arrived: readonly Arrived[]): void {
  expect(account(attempts, arrived)).toEqual({
    acknowledged: attempts.length,
    ok: attempts.length,
    lost: [],
    duplicated: new Map(),
    recovered: [],
    unexpected: [],
    disordered: [],
    altered: [],
  })
}

export interface Batch {
  readonly count: number
  /** Default 1: everything in one order. */
  readonly keys?: number
  /** Told apart from other batches by this. */
  readonly name?: string
  /** Bytes of body, about. */
  readonly size?: number
}

/** Messages m0, m1, … whose keys take turns; the body says id, key and the place among the messages of its key. */
export function messages({ count, keys = 1, name = 'm', size = 0 }: Batch): Outgoing[] {
  const filler = 'x'.repeat(size)
  return Array.from({ length: count }, (_, i) => message(`${name}${i}`, `k${i % keys}`, Math.floor(i / keys), filler))
}

export function message(id: string, key: string | null = null, sequence = 0, filler = ''): Outgoing {
  return { id, key, body: Buffer.from(JSON.stringify({ id, key, sequence, filler })) }
}
