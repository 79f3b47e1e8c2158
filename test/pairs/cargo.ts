import type { Arrived, Outgoing } from '../streams/ends.ts'

/** Header values that have tripped bridges before; each broker must bring them through as they are. */
const ODD_HEADERS: Readonly<Record<string, string>> = {
  'x-empty': '',
  'X-Mixed.Case_1': 'kept',
  'x-unicode': 'žluťoučký kůň 🐎',
  'x-spaces': '  around  ',
  'x-colon': 'a: b, c="d"',
  'x-long': 'y'.repeat(4_096),
}

const BINARY = Buffer.from(Array.from({ length: 256 }, (_, i) => i))
const LARGE = 900 * 1024

export interface Cargo {
  readonly name: string
  readonly count: number
  readonly keys: number
  /** The source tells null from empty. */
  readonly nulls: boolean
}

/**
 * Messages of mixed kinds, each with its id and its key in headers, because some have no body to hold them: empty, null,
 * binary, four of 900 KB, with odd headers, and JSON.
 */
export function cargo({ name, count, keys, nulls }: Cargo): Outgoing[] {
  return Array.from({ length: count }, (_, i) => {
    const id = `${name}-${i}`
    const key = `k${i % keys}`
    const headers = { id, ...(i % 10 === 3 ? ODD_HEADERS : {}) }
    return { id, key, headers, body: bodyOf(i, id, count, nulls) }
  })
}

function bodyOf(i: number, id: string, count: number, nulls: boolean): Buffer | null {
  if (i % Math.floor(count / 4) === 7) return Buffer.alloc(LARGE, id)
  if (i % 10 === 0) return Buffer.alloc(0)
  if (i % 10 === 1) return nulls ? null : Buffer.alloc(0)
  if (i % 10 === 2) return BINARY
  return Buffer.from(JSON.stringify({ id, i, filler: 'x'.repeat(150) }))
}

/** Messages whose headers did not all come through, with what was wrong. `trims`: the source's client sends no blanks around. */
export function wrongHeaders(sent: readonly Outgoing[], arrived: readonly Arrived[], trims: boolean): string[] {
  const originals = new Map(sent.map(one => [one.id, one]))
  return arrived.flatMap(({ id, headers }) =>
    Object.entries(originals.get(id)?.headers ?? {})
      .map(([name, value]) => ({ name, value: trims ? value.trim() : value, seen: decoded(name, headers) }))
      .filter(({ value, seen }) => seen !== value)
      .map(({ name, value, seen }) => `${id}: ${name} is ${JSON.stringify(seen)}, not ${JSON.stringify(value)}`),
  )
}

// What a header of NATS cannot hold is percent-encoded, and named: docs/mapping.md.
function decoded(name: string, headers: Arrived['headers']): string | undefined {
  const seen = headers.get(name)
  const encoded = headers.get('sluice-encoded')?.split(';').includes(name) === true
  return encoded && seen !== undefined ? decodeURIComponent(seen) : seen
}
