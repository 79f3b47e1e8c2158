/** Keys from the top of the file inwards: `['routes', 'orders', 'to', 'topic']`. */
export type Path = readonly (string | number)[]

/** Something wrong in a configuration file, for a person. Never holds a secret. */
export interface Problem {
  /** A warning does not keep the configuration from being applied. */
  readonly severity: 'error' | 'warning'
  readonly file: string
  /** 1-based; 0 when the problem has no place in the file. */
  readonly line: number
  readonly col: number
  /** Columns to underline, at least 1. */
  readonly width: number
  /** `routes.orders.to.topic`; empty when the problem is about the whole file. */
  readonly path: string
  /** One sentence: what is wrong. */
  readonly message: string
  /** What to do about it. */
  readonly hint?: string | undefined
}

/** What a check found, before it has a place in a file. */
export interface Issue {
  readonly path: Path
  readonly message: string
  readonly hint?: string | undefined
  readonly severity?: 'error' | 'warning'
  /** Points at the key instead of the value, e.g. for an unknown option. */
  readonly atKey?: boolean
  /** Points into the value: at `offset` of this text, which is found in the value as written. */
  readonly within?: Fragment | undefined
}

export interface Fragment {
  readonly text: string
  readonly offset: number
  readonly width: number
}

/** A path as people write it: `routes.orders.from.bind[0].keys`. */
export function formatPath(path: Path): string {
  let text = ''
  for (const key of path) {
    if (typeof key === 'number') text += `[${key}]`
    else text += text === '' ? key : `.${key}`
  }
  return text
}

/** By file, and by place in it; errors before warnings at one place. */
export function byPosition(a: Problem, b: Problem): number {
  if (a.file !== b.file) return a.file.localeCompare(b.file)
  return a.line - b.line || a.col - b.col || a.severity.localeCompare(b.severity) || a.message.localeCompare(b.message)
}

export const escapeKey = (key: string): string => key.replaceAll('~', '~0').replaceAll('/', '~1')

/** A path as a JSON pointer. */
export const pointer = (path: Path): string => path.map(key => `/${escapeKey(String(key))}`).join('')

/** The keys of a JSON pointer; digits become list indexes, which is what they are in everything but odd mappings. */
export function keys(at: string): Path {
  if (at === '') return []
  return at
    .slice(1)
    .split('/')
    .map(key => (/^[0-9]+$/.test(key) ? Number(key) : key.replaceAll('~1', '/').replaceAll('~0', '~')))
}

/** Columns of the name or number that begins at `offset` of a text; 1 for anything else. */
export function wordWidth(text: string, offset: number): number {
  return /^(\$\{|[\w"'.-]+)/.exec(text.slice(offset))?.[0].length ?? 1
}
