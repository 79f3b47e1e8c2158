import { type HeaderValue, plain, Typed } from './header-value.ts'
import { jsonText } from './json-text.ts'

export type HeaderEntry = readonly [name: string, value: HeaderValue]

/**
 * The headers of a message: an ordered, immutable list of names and typed values. A name may occur more than once
 * (Kafka, NATS). May be built from a thunk, so that a route that never looks pays nothing for decoding.
 */
export class Headers implements Iterable<HeaderEntry> {
  static readonly EMPTY = new Headers([])
  #entries: readonly HeaderEntry[] | undefined
  #decode: (() => readonly HeaderEntry[]) | undefined
  #view: Record<string, unknown> | undefined

  /** @param source the entries, or a function that decodes them once, on first use; it may throw HEADERS_INVALID. */
  constructor(source: readonly HeaderEntry[] | (() => readonly HeaderEntry[])) {
    if (typeof source === 'function') this.#decode = source
    else this.#entries = source
  }

  static of(record: Readonly<Record<string, HeaderValue>>): Headers {
    return new Headers(Object.entries(record))
  }

  get entries(): readonly HeaderEntry[] {
    return (this.#entries ??= this.#decode!())
  }

  get size(): number {
    return this.entries.length
  }

  [Symbol.iterator](): Iterator<HeaderEntry> {
    return this.entries[Symbol.iterator]()
  }

  /** The value of the first header of that name, or undefined. Names are case-sensitive. */
  get(name: string): HeaderValue | undefined {
    for (const entry of this.entries) if (entry[0] === name) return entry[1]
    return undefined
  }

  /** All values of that name, in order. */
  getAll(name: string): readonly HeaderValue[] {
    const values: HeaderValue[] = []
    for (const entry of this.entries) if (entry[0] === name) values.push(entry[1])
    return values
  }

  /** The value of the first header of that name as text: bytes are read as UTF-8, numbers printed; undefined if absent or null. */
  text(name: string): string | undefined {
    const value = this.get(name)
    if (value === undefined || value === null) return undefined
    if (typeof value === 'string') return value
    const bare = value instanceof Typed ? value.value : value
    if (Buffer.isBuffer(bare)) return bare.toString('utf8')
    return typeof bare === 'object' ? jsonText(plain(value)) : String(bare)
  }

  /** A copy with `name` set once: the first occurrence is replaced in place, others are dropped. */
  with(name: string, value: HeaderValue): Headers {
    const next: HeaderEntry[] = []
    let placed = false
    for (const entry of this.entries) {
      if (entry[0] !== name) next.push(entry)
      else if (!placed) {
        next.push([name, value])
        placed = true
      }
    }
    if (!placed) next.push([name, value])
    return new Headers(next)
  }

  /** A copy with the entries added at the end; nothing is replaced. */
  concat(entries: readonly HeaderEntry[]): Headers {
    return entries.length === 0 ? this : new Headers([...this.entries, ...entries])
  }

  /** A copy without the headers for which `drop` is true. */
  without(drop: (name: string) => boolean): Headers {
    const kept = this.entries.filter(entry => !drop(entry[0]))
    return kept.length === this.size ? this : new Headers(kept)
  }

  /** What expressions see as `headers`: name → plain value; of repeated names the first; UTF-8 bytes stay bytes. Cached; do not change it. */
  get view(): Readonly<Record<string, unknown>> {
    if (this.#view === undefined) {
      const view: Record<string, unknown> = Object.create(null)
      for (const [name, value] of this.entries) if (!(name in view)) view[name] = plain(value)
      this.#view = view
    }
    return this.#view
  }
}
