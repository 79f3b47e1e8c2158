import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Acks } from '../../../src/drivers/rabbitmq/acks.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }))
afterEach(() => void vi.useRealTimers())

/** A broker's side of a channel: what is unacknowledged, and the error it would raise for a tag it does not know. */
class Ledger {
  readonly unacked = new Set<number>()
  readonly frames: string[] = []

  deliver(acks: Acks, tag: number): void {
    this.unacked.add(tag)
    acks.open(tag)
  }

  sendAck(tag: number, allUpTo: boolean): void {
    if (!this.unacked.has(tag)) throw new Error(`PRECONDITION_FAILED - unknown delivery tag ${tag}`)
    this.frames.push(allUpTo ? `..${tag}` : `${tag}`)
    for (const open of [...this.unacked]) if (open === tag || (allUpTo && open < tag)) this.unacked.delete(open)
  }
}

function ledgerWith(count: number, window = 1000): { ledger: Ledger; acks: Acks } {
  const ledger = new Ledger()
  const acks = new Acks(ledger, () => window)
  for (let tag = 1; tag <= count; tag++) ledger.deliver(acks, tag)
  return { ledger, acks }
}

describe('acks', () => {
  it('in order become one frame', () => {
    const { ledger, acks } = ledgerWith(100)
    for (let tag = 1; tag <= 100; tag++) acks.ack(tag)
    vi.advanceTimersByTime(10)
    expect(ledger.frames).toEqual(['..100'])
  })

  it('never cover a delivery that is still open', () => {
    const { ledger, acks } = ledgerWith(10)
    for (const tag of [1, 2, 4, 5]) acks.ack(tag)
    vi.advanceTimersByTime(10)
    expect(ledger.frames).toEqual(['..2'])
    expect(ledger.unacked.has(3)).toBe(true)
  })

  it('behind a held delivery go singly after a moment, and once', () => {
    const { ledger, acks } = ledgerWith(5)
    for (const tag of [2, 3, 5]) acks.ack(tag)
    vi.advanceTimersByTime(50)
    expect(ledger.frames).toEqual([])
    vi.advanceTimersByTime(200)
    expect(ledger.frames).toEqual(['2', '3', '5'])
    acks.ack(1)
    vi.advanceTimersByTime(10)
    expect(ledger.frames).toEqual(['2', '3', '5', '..1'])
    acks.ack(4)
    vi.advanceTimersByTime(10)
    expect(ledger.frames.at(-1)).toBe('..4')
    expect(ledger.unacked.size).toBe(0)
  })

  it('behind a held delivery do not use up the prefetch window', () => {
    const { ledger, acks } = ledgerWith(100, 100)
    for (let tag = 2; tag <= 60; tag++) acks.ack(tag)
    expect(ledger.unacked.size).toBeLessThan(60)
  })

  it('are not held back by a delivery that was given back', () => {
    const { ledger, acks } = ledgerWith(3)
    ledger.unacked.delete(3)
    acks.settledElsewhere(3)
    acks.ack(1)
    acks.ack(2)
    vi.advanceTimersByTime(10)
    expect(ledger.frames).toEqual(['..2'])
    expect(acks.oldest).toBe(undefined)
  })

  it('in any order, at any time, name only tags the broker knows, and in the end all of them', () => {
    const action = fc.record({
      index: fc.nat(),
      kind: fc.constantFrom('ack', 'ack', 'ack', 'release', 'deliver', 'wait'),
      ms: fc.integer({ min: 1, max: 200 }),
    })
    fc.assert(
      fc.property(fc.array(action, { maxLength: 200 }), fc.integer({ min: 2, max: 64 }), (actions, window) => {
        const { ledger, acks } = ledgerWith(0, window)
        const open: number[] = []
        let last = 0
        for (const { index, kind, ms } of actions) {
          if (kind === 'wait') vi.advanceTimersByTime(ms)
          else if (kind === 'deliver' || open.length === 0) {
            ledger.deliver(acks, ++last)
            open.push(last)
          } else {
            const [tag] = open.splice(index % open.length, 1)
            if (kind === 'ack') acks.ack(tag!)
            else {
              ledger.unacked.delete(tag!)
              acks.settledElsewhere(tag!)
            }
          }
          for (const tag of open) expect(ledger.unacked.has(tag)).toBe(true)
        }
        acks.flush(true)
        expect([...ledger.unacked].sort((a, b) => a - b)).toEqual(open.sort((a, b) => a - b))
        acks.stop()
      }),
      { numRuns: 500 },
    )
  })
})
