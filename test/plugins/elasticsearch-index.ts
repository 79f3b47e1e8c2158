/** A document as it is stored now. */
export interface Stored {
  readonly id: string
  readonly source: Readonly<Record<string, unknown>>
  readonly version: number
  readonly external: boolean
  /** Place in the order of all writes of the index, from 0. */
  readonly sequence: number
}

export interface Failure {
  readonly status: number
  readonly type: string
  readonly reason: string
}

export interface Write {
  readonly action: 'index' | 'create' | 'delete'
  readonly id: string
  readonly source: Readonly<Record<string, unknown>> | undefined
  /** Of `version_type: external`. */
  readonly version: number | undefined
}

export interface IndexOptions {
  /** Fields that must be whole numbers; others take anything. */
  readonly longs?: readonly string[]
}

/** One index: what was written by id, and what searches find of it. */
export class Index {
  readonly #longs: readonly string[]
  readonly #documents = new Map<string, Stored>()
  #visible: readonly Stored[] = []
  #sequence = 0
  /** Every write that was stored, repeats included. */
  writes = 0

  constructor({ longs = [] }: IndexOptions = {}) {
    this.#longs = longs
  }

  /** `created`, `updated`, `deleted`, `not_found`, or why not. */
  write({ action, id, source, version }: Write): string | Failure {
    const before = this.#documents.get(id)
    if (action === 'create' && before !== undefined) return conflict(id, 'document already exists')
    if (version !== undefined && before !== undefined && before.version >= version)
      return conflict(id, `current version [${before.version}] is higher or equal to the one provided [${version}]`)
    if (action === 'delete') {
      if (!this.#documents.delete(id)) return 'not_found'
      this.#sequence++
      this.writes++
      return 'deleted'
    }
    const bad = this.#longs.find(field => source![field] !== undefined && !Number.isInteger(source![field]))
    if (bad !== undefined) return unreadable(bad, id, source![bad])
    const next = version ?? (before?.version ?? 0) + 1
    this.#documents.delete(id)
    this.#documents.set(id, {
      id,
      source: source!,
      version: next,
      external: version !== undefined,
      sequence: this.#sequence++,
    })
    this.writes++
    return before === undefined ? 'created' : 'updated'
  }

  get(id: string): Stored | undefined {
    return this.#documents.get(id)
  }

  /** What is stored, in the order of the latest writes. */
  get all(): readonly Stored[] {
    return [...this.#documents.values()]
  }

  refresh(): void {
    this.#visible = this.all
  }

  /** What a search finds behind that sequence number, in order. */
  search(after: number, size: number): readonly Stored[] {
    return this.#visible.filter(({ sequence }) => sequence > after).slice(0, size)
  }
}

function conflict(id: string, why: string): Failure {
  return { status: 409, type: 'version_conflict_engine_exception', reason: `[${id}]: version conflict, ${why}` }
}

function unreadable(field: string, id: string, value: unknown): Failure {
  const preview = `Preview of field's value: '${value}'`
  const reason = `[1:5] failed to parse field [${field}] of type [long] in document with id '${id}'. ${preview}`
  return { status: 400, type: 'document_parsing_exception', reason }
}
