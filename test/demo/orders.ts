/** What is in an order, and so what has to become of it. */
export type Kind = 'good' | 'free' | 'invalid' | 'garbled'

/** One message of the shop, as published. */
export interface Order {
  readonly n: number
  readonly kind: Kind
  readonly id: string
  readonly user: string
  /** 1, 2, 3 … per user. */
  readonly seq: number
  readonly region: string
  readonly routingKey: string
  readonly body: Buffer
}

const REGIONS = ['eu', 'us', 'apac', 'latam'] as const
const CURRENCIES = { eu: 'EUR', us: 'USD', apac: 'JPY', latam: 'BRL' } as const
const GOODS = [
  'cold brew',
  'flat white',
  'oat milk',
  'filter papers',
  'espresso beans',
  'cleaning tablets',
  'a large mug',
]

/** As in routes.yaml. */
const LARGE = 320

// Places within each thousand orders. `free` orders have a total of 0, which the route's `filter` leaves out.
const INVALID = new Set([137, 611])
const GARBLED = new Set([359, 863])
const FREE = new Set([250, 750])

/**
 * The orders of one run. Each is worked out from its number alone, so that what arrives can be compared with what was
 * sent without keeping it. Any `users` consecutive orders are of different users.
 */
export class OrderBook {
  readonly count: number
  readonly users: number
  /** Tells this run's messages from those of others on the same brokers. */
  readonly run: string
  readonly #stride: number

  constructor(count: number, users: number, run: string) {
    this.count = count
    this.users = users
    this.run = run
    this.#stride = coprime(Math.ceil(users * 0.618), users)
  }

  kindOf(n: number): Kind {
    const place = n % 1000
    if (INVALID.has(place)) return 'invalid'
    if (GARBLED.has(place)) return 'garbled'
    return FREE.has(place) ? 'free' : 'good'
  }

  /** How many of the first `upTo` orders are of the kind. */
  amount(kind: Kind, upTo = this.count): number {
    let amount = 0
    for (let n = 0; n < upTo; n++) if (this.kindOf(n) === kind) amount++
    return amount
  }

  /** Whether the route `large-orders` carries the order back to RabbitMQ. */
  isLarge(n: number): boolean {
    return this.kindOf(n) === 'good' && totalOf(itemsOf(n)) >= LARGE
  }

  /** How many orders are large. */
  get large(): number {
    let large = 0
    for (let n = 0; n < this.count; n++) if (this.isLarge(n)) large++
    return large
  }

  userOf(n: number): string {
    return `u-${1000 + ((n * this.#stride) % this.users)}`
  }

  seqOf(n: number): number {
    return Math.floor(n / this.users) + 1
  }

  order(n: number): Order {
    const region = REGIONS[n % REGIONS.length]!
    const text = JSON.stringify(this.#content(n, cardOf(n)))
    const kind = this.kindOf(n)
    return {
      n,
      kind,
      id: `o-${n}`,
      user: this.userOf(n),
      seq: this.seqOf(n),
      region,
      routingKey: `order.${region}.created`,
      // Cut off in the middle, as by a broken producer.
      body: Buffer.from(kind === 'garbled' ? text.slice(0, text.length / 2) : text),
    }
  }

  /** The body in which order `n` has to arrive: its card masked, everything else as it was. */
  arrives(n: number): string {
    return JSON.stringify(this.#content(n, `**** **** **** ${cardOf(n).slice(-4)}`))
  }

  #content(n: number, card: string): object {
    const region = REGIONS[n % REGIONS.length]!
    const kind = this.kindOf(n)
    const items = itemsOf(n)
    return {
      id: `o-${n}`,
      user: this.userOf(n),
      total: kind === 'free' ? 0 : totalOf(items),
      currency: kind === 'invalid' ? 'beans' : CURRENCIES[region],
      card,
      region,
      seq: this.seqOf(n),
      items: kind === 'invalid' ? [] : items,
    }
  }
}

const cardOf = (n: number): string => `4111 1111 1111 ${String(1000 + (n % 9000))}`

function itemsOf(n: number) {
  return Array.from({ length: 8 + (n % 3) }, (_, i) => ({
    sku: `sku-${String((n * 31 + i * 17) % 10_000).padStart(4, '0')}`,
    name: GOODS[(n + i) % GOODS.length],
    qty: 1 + ((n + i) % 4),
    price: 4.5 + ((n * 7 + i) % 40) / 4,
    note: 'ground for a paper filter, no bag',
  }))
}

const totalOf = (items: ReturnType<typeof itemsOf>): number =>
  items.reduce((sum, { qty, price }) => sum + qty * price, 0)

/** The first number from `from` on that shares no divisor with `n`: its multiples visit everything below `n`. */
function coprime(from: number, n: number): number {
  const divisor = (a: number, b: number): number => (b === 0 ? a : divisor(b, a % b))
  let candidate = Math.max(1, from)
  while (divisor(candidate, n) !== 1) candidate++
  return candidate
}
