import { expect, onTestFinished, test, vi } from 'vitest'
import { SluiceError } from '../../src/core/errors.ts'
import type { Store } from '../../src/core/ports.ts'
import { InDoubt } from '../../src/engine/in-doubt.ts'
import { Item } from '../../src/engine/item.ts'
import type { Target } from '../../src/engine/target.ts'
import { message as sample } from '../core/sample.ts'
import { Notes } from './lab.ts'

const never = new AbortController().signal

function bench(
  options: {
    doubts?: readonly string[]
    note?: string
    found?: readonly string[]
    recallable?: boolean
    refuses?: boolean
  } = {},
) {
  const calls: string[] = []
  let position = 0
  let note = options.note
  const oldest = { claim: undefined as number | undefined }
  const store = {
    inDoubt: async () => (options.doubts ?? []).map(key => ({ key, claimedAt: 0 })),
    readNote: async () => note,
    writeNote: async (text: string) => {
      note = text
      calls.push(`note ${text}`)
    },
    confirm: async (keys: readonly string[]) => void calls.push(`confirm ${keys}`),
    forget: async (keys: readonly string[]) => void calls.push(`forget ${keys}`),
  } as unknown as Store
  const target = {
    recallable: options.recallable ?? true,
    position: async () => `p${position++}`,
    recall: async (since: string) => {
      if (options.refuses === true) throw new SluiceError('ACCESS_DENIED', 'no permission')
      calls.push(`recall since ${since}`)
      return new Set(options.found ?? [])
    },
  } as unknown as Target & { position(): Promise<string> }
  const log = new Notes()
  const inDoubt = new InDoubt({ route: 'r', store, target, window: 1_000, oldestClaim: () => oldest.claim, log })
  onTestFinished(() => inDoubt.close())
  return { inDoubt, calls, log, oldest, target }
}

test('what had arrived is remembered, the rest is forgotten and comes again', async () => {
  const { inDoubt, calls, log } = bench({ doubts: ['a', 'b'], note: 'p7', found: ['1/1 r a', '1/1 r somebody else'] })
  await inDoubt.begin(never)
  expect(calls).toEqual(['recall since p7', 'confirm a', 'forget b', 'note p0'])
  expect(log.lines[0]).toContain('2 message(s) were under way when the gateway was killed; 1 of them had arrived')
})

test('a message that was split has arrived only when all its parts have: in doubt, twice is better than never', async () => {
  const { inDoubt, calls } = bench({
    doubts: ['a', 'b c'],
    note: 'p',
    found: ['1/3 r a', '3/3 r a', '1/2 r b c', '2/2 r b c'],
  })
  await inDoubt.begin(never)
  expect(calls).toContain('confirm b c')
  expect(calls).toContain('forget a')
})

test('without a note, or with a target that cannot be read back, everything in doubt comes again', async () => {
  const noNote = bench({ doubts: ['a'], found: ['1/1 r a'] })
  await noNote.inDoubt.begin(never)
  expect(noNote.calls).toEqual(['forget a', 'note p0'])
  const blind = bench({ doubts: ['a'], note: 'p', recallable: false })
  await blind.inDoubt.begin(never)
  expect(blind.calls).toEqual(['forget a'])
  expect(blind.log.lines[0]).toContain('cannot be asked')
})

test('the note never runs ahead of the oldest open claim', async () => {
  vi.useFakeTimers()
  onTestFinished(() => void vi.useRealTimers())
  const { inDoubt, calls, oldest } = bench()
  await inDoubt.begin(never)
  oldest.claim = Date.now() + 500
  await vi.advanceTimersByTimeAsync(200_000)
  expect(calls).toEqual(['note p0'])
  oldest.claim = undefined
  await vi.advanceTimersByTimeAsync(1_000)
  expect(calls.length).toBe(2)
  oldest.claim = Date.now() - 2_500
  const before = calls.at(-1)
  await vi.advanceTimersByTimeAsync(1_000)
  expect(calls.at(-1)).toBe(before)
})

// Two routes with one topic and the same ids: what the other has written is not ours, and ours would be lost.
test('what another route has written under the same key has not arrived', async () => {
  const { inDoubt, calls } = bench({ doubts: ['a', 'b'], note: 'p', found: ['1/1 other a', '1/1 a', '1/1 r b'] })
  await inDoubt.begin(never)
  expect(calls).toContain('confirm b')
  expect(calls).toContain('forget a')
})

// The answer of a slow broker says where the target stands now, not when it was asked.
test('the note never runs ahead of a claim that was made while the target was asked', async () => {
  vi.useFakeTimers()
  onTestFinished(() => void vi.useRealTimers())
  const { inDoubt, calls, oldest, target } = bench()
  await inDoubt.begin(never)
  const answer = Promise.withResolvers<string>()
  target.position = () => answer.promise
  await vi.advanceTimersByTimeAsync(1_000)
  oldest.claim = Date.now() + 100
  await vi.advanceTimersByTimeAsync(5_000)
  answer.resolve('after the claim')
  await vi.advanceTimersByTimeAsync(3_000)
  expect(calls).toEqual(['note p0'])
})

test('a target that refuses to be read back is used without: everything in doubt comes again', async () => {
  const { inDoubt, calls, log } = bench({ doubts: ['a'], note: 'p', refuses: true })
  await inDoubt.begin(never)
  expect(calls).toEqual(['forget a'])
  expect(log.lines[0]).toContain('cannot be read back, so a kill may cause copies: no permission')
})

test('outputs carry their key only where it can be read back', async () => {
  const able = bench()
  const blind = bench({ recallable: false })
  await able.inDoubt.begin(never)
  await blind.inDoubt.begin(never)
  const message = sample()
  const item = new Item({ message, expired: false, ack: () => {}, release: () => {} }, 0)
  item.dedupKey = 'k'
  expect(able.inDoubt.mark(message, item, 2, 3).headers.get('sluice-dedup')).toBe('2/3 r k')
  expect(blind.inDoubt.mark(message, item, 1, 1)).toBe(message)
})
