/**
 * The note in `sluice-types`: which headers are more than their text says, as items joined by `;`:
 * `name=type` · `name~2=type` for the second header of that name · `!name` when headers of that name are no property.
 * Names are percent-encoded, types are carrier-value.ts'.
 */
export class TypeNote {
  readonly #types = new Map<string, string>()
  readonly #plain = new Set<string>()
  #text = ''

  get text(): string {
    return this.#text
  }

  add(name: string, occurrence: number, type: string): void {
    this.#types.set(occurrenceKey(name, occurrence), type)
    this.#append(`${escapeName(name)}${occurrence > 1 ? `~${occurrence}` : ''}=${type}`)
  }

  addPlain(name: string): void {
    if (this.#plain.has(name)) return
    this.#plain.add(name)
    this.#append(`!${escapeName(name)}`)
  }

  type(name: string, occurrence: number): string | undefined {
    return this.#types.get(occurrenceKey(name, occurrence))
  }

  isPlain(name: string): boolean {
    return this.#plain.has(name)
  }

  #append(item: string): void {
    this.#text = this.#text === '' ? item : `${this.#text};${item}`
  }

  /** Undefined when the text is no such note, or one of more than 10,000 items. */
  static parse(text: string): TypeNote | undefined {
    const note = new TypeNote()
    const items = text.split(';', 10_001)
    if (items.length > 10_000) return undefined
    for (const item of items) {
      const match = /^(?:!([^=;~!]+)|([^=;~!]*)(?:~([1-9]\d{0,5}))?=([A-Za-z[\]{}]+))$/.exec(item)
      if (match === null) return undefined
      const [, plain, name, occurrence, type] = match
      try {
        if (plain !== undefined) note.#plain.add(decodeURIComponent(plain))
        else note.#types.set(occurrenceKey(decodeURIComponent(name!), Number(occurrence ?? 1)), type!)
      } catch {
        return undefined
      }
    }
    return note
  }
}

function occurrenceKey(name: string, occurrence: number): string {
  return occurrence === 1 ? name : `${name}\u0000${occurrence}`
}

// encodeURIComponent leaves ~ and ! alone, and refuses half surrogate pairs (which no UTF-8 name has).
function escapeName(name: string): string {
  return encodeURIComponent(name.toWellFormed()).replace(/[~!]/g, sign => (sign === '~' ? '%7E' : '%21'))
}

/** Counts headers by name, from when it is first asked: most messages need no count. */
export class Occurrences {
  #counts: Map<string, number> | undefined

  /** Which one of its name the last entry of `list` is; entries before `from` do not count. */
  ofLast(list: readonly (readonly [string, unknown])[], from: number): number {
    const last = list.length - 1
    if (this.#counts === undefined) {
      this.#counts = new Map()
      for (let i = from; i < last; i++) this.next(list[i]![0])
    }
    return this.next(list[last]![0])
  }

  next(name: string): number {
    this.#counts ??= new Map()
    const count = (this.#counts.get(name) ?? 0) + 1
    this.#counts.set(name, count)
    return count
  }
}
