import { describe, expect, it } from 'vitest'
import { OrderBook } from './orders.ts'
import { type Arrival, broken, Tally } from './tally.ts'

const book = new OrderBook(1_000, 10, 'run')

/** Everything published, everything arrived as it should, the poison put aside; `change` spoils it before it is counted. */
function tallied(change: (arrivals: Arrival[], dead: Map<number, string>) => void = () => {}) {
  const tally = new Tally(book)
  const arrivals: Arrival[] = []
  const dead = new Map<number, string>()
  for (let n = 0; n < book.count; n++) {
    tally.published(n)
    const kind = book.kindOf(n)
    if (kind === 'good') arrivals.push(arrival(n))
    else if (kind !== 'free') dead.set(n, kind)
  }
  change(arrivals, dead)
  for (const one of arrivals) tally.arrived(one)
  for (const { n } of arrivals) if (book.isLarge(n)) tally.cameBack(n)
  for (const [n, reason] of dead) tally.deadLetter(n, reason)
  return tally.totals()
}

function arrival(n: number, changes: Partial<Arrival> = {}): Arrival {
  const key = book.userOf(n)
  return { n, key, partition: Number(key.slice(2)) % 3, copy: 1, body: book.arrives(n), ...changes }
}

const verdict = (totals: ReturnType<typeof tallied>) => broken(totals, book.count)

describe('the books of the demo', () => {
  it('balance when all went well', () => {
    const totals = tallied()
    expect(totals).toEqual({
      published: 1_000,
      delivered: 994,
      filtered: 2,
      deadLettered: 4,
      deadAgain: 0,
      reasons: [
        ['invalid', 2],
        ['garbled', 2],
      ],
      lost: 0,
      outOfOrder: 0,
      duplicated: 0,
      duplicatedByShop: 0,
      altered: 0,
      poisonMissing: 0,
      intruders: 0,
      wronglyDead: 0,
      broughtBack: book.large,
      notBroughtBack: 0,
    })
    expect(verdict(totals)).toEqual([])
  })

  it('find an order that never arrived', () => {
    const totals = tallied(arrivals => void arrivals.splice(500, 1))
    expect(totals).toMatchObject({ published: 1_000, delivered: 993, lost: 1, outOfOrder: 0 })
    expect(verdict(totals)).toEqual(['1 order was lost'])
  })

  it('find an order that arrived after a later one of its user, and only that', () => {
    const totals = tallied(arrivals => {
      // Orders 40 and 50 are of one user, the nine between of others.
      ;[arrivals[40], arrivals[50]] = [arrivals[50]!, arrivals[40]!]
    })
    expect(totals).toMatchObject({ lost: 0, outOfOrder: 1, duplicated: 0 })
    expect(verdict(totals)).toEqual(['1 order arrived out of order'])
  })

  it('do not mind the order among users', () => {
    const totals = tallied(arrivals => void arrivals.sort((a, b) => a.partition - b.partition || a.n - b.n))
    expect(totals.outOfOrder).toBe(0)
  })

  it('find a user whose orders are spread over partitions', () => {
    const totals = tallied(arrivals => {
      arrivals[40] = arrival(40, { partition: 9 })
    })
    expect(totals.outOfOrder).toBe(1)
  })

  it('count a duplicate without taking it for an order out of order', () => {
    const totals = tallied(arrivals => void arrivals.push(arrival(3), arrival(4)))
    expect(totals).toMatchObject({ delivered: 994, duplicated: 2, duplicatedByShop: 0, outOfOrder: 0 })
    expect(verdict(totals)).toEqual([])
  })

  it("tell the shop's duplicates from the gateway's", () => {
    const totals = tallied(arrivals => void arrivals.push(arrival(3), arrival(4, { copy: 2 })))
    expect(totals).toMatchObject({ duplicated: 2, duplicatedByShop: 1 })
  })

  it('find a body, a card and a key that changed on the way', () => {
    const totals = tallied(arrivals => {
      arrivals[0] = arrival(0, { body: book.arrives(0).replace('"total":', '"totals":') })
      arrivals[1] = arrival(1, { body: book.order(1).body.toString() })
      arrivals[2] = arrival(2, { key: 'somebody else' })
    })
    expect(totals).toMatchObject({ altered: 3, delivered: 994 })
    expect(verdict(totals)).toEqual(['3 orders were changed on the way'])
  })

  it('find poison that is missing among the dead letters, and poison that was delivered', () => {
    const [poison] = Array.from({ length: book.count }, (_, n) => n).filter(n => book.kindOf(n) === 'invalid')
    const totals = tallied((arrivals, dead) => {
      dead.delete(poison!)
      arrivals.push(arrival(poison!))
      arrivals.sort((a, b) => a.n - b.n)
    })
    expect(totals).toMatchObject({ deadLettered: 3, poisonMissing: 1, intruders: 1, lost: 0 })
    expect(verdict(totals)).toEqual([
      '1 poison message is not in the dead letters',
      '1 order is in Kafka that should not be',
    ])
  })

  it('find a filtered order that was delivered', () => {
    const free = Array.from({ length: book.count }, (_, n) => n).find(n => book.kindOf(n) === 'free')!
    expect(tallied(arrivals => void arrivals.push(arrival(free)))).toMatchObject({ intruders: 1, filtered: 2 })
  })

  it('find a good order among the dead letters: put aside, not lost', () => {
    const totals = tallied((arrivals, dead) => {
      dead.set(arrivals.pop()!.n, 'UNKNOWN')
    })
    expect(totals).toMatchObject({ lost: 0, wronglyDead: 1, deadLettered: 5 })
    expect(verdict(totals)).toEqual(['1 good order was dead-lettered'])
  })

  it('count a dead letter that was written twice once', () => {
    const tally = new Tally(book)
    tally.deadLetter(137, 'VALIDATION_FAILED')
    tally.deadLetter(137, 'VALIDATION_FAILED')
    expect(tally.totals()).toMatchObject({ deadLettered: 1, deadAgain: 1, reasons: [['VALIDATION_FAILED', 1]] })
  })

  it('do not call lost what RabbitMQ never confirmed', () => {
    const tally = new Tally(book)
    for (let n = 0; n < 10; n++) tally.published(n)
    for (let n = 0; n < 10; n++) tally.arrived(arrival(n))
    const totals = tally.totals()
    expect(totals).toMatchObject({ published: 10, delivered: 10, lost: 0 })
    expect(verdict(totals)).toEqual(['990 orders could not be published'])
  })

  it('find a large order that did not come back', () => {
    const tally = new Tally(book)
    for (let n = 0; n < book.count; n++) tally.published(n)
    const large = Array.from({ length: book.count }, (_, n) => n).filter(n => book.isLarge(n))
    for (const n of large) tally.arrived(arrival(n))
    for (const n of large.slice(1)) tally.cameBack(n)
    expect(large.length).toBeGreaterThan(5)
    const totals = tally.totals()
    expect(totals).toMatchObject({ broughtBack: large.length - 1, notBroughtBack: 1 })
    expect(verdict(totals)).toContain('1 large order did not come back')
  })

  it('know the lag', () => {
    const tally = new Tally(book)
    for (let n = 0; n < 150; n++) tally.published(n)
    expect(tally.lag).toBe(149) // one of them is poison
    tally.arrived(arrival(0))
    tally.arrived(arrival(0))
    expect(tally.lag).toBe(148)
  })
})
