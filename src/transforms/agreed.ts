import type { HeaderValue } from '../core/header-value.ts'
import { Typed } from '../core/header-value.ts'
import { type HeaderEntry, Headers } from '../core/headers.ts'
import { HOPS_HEADER, type Message, type Properties, RESERVED } from '../core/message.ts'

/**
 * What all messages agree on: headers of the same name and value in each of them, and properties likewise. Sluice's own
 * headers do not merge, but for the routes that were passed: a loop must be seen whichever message went round.
 */
export function agreed(messages: readonly Message[]): { readonly headers: Headers; readonly properties: Properties } {
  const [first, ...rest] = messages as readonly [Message, ...Message[]]
  const entries = first.headers.entries.filter(
    ([name, value], at) =>
      !name.startsWith(RESERVED) &&
      first.headers.entries.findIndex(entry => entry[0] === name) === at &&
      messages.every(({ headers }) => {
        const all = headers.getAll(name)
        return all.length === 1 && equal(all[0]!, value)
      }),
  )
  const properties = Object.entries(first.properties).filter(([name, value]) =>
    rest.every(other => other.properties[name as keyof Properties] === value),
  )
  const hops = passed(messages)
  const own: HeaderEntry[] = hops.length === 0 ? [] : [[HOPS_HEADER, hops.join(',')]]
  return { headers: new Headers([...entries, ...own]), properties: Object.fromEntries(properties) }
}

function passed(messages: readonly Message[]): readonly string[] {
  const marks = new Set<string>()
  const seen = new Set<string>()
  for (const { headers } of messages) {
    const text = headers.text(HOPS_HEADER)
    if (text === undefined || seen.has(text)) continue
    seen.add(text)
    for (const mark of text.split(',')) if (mark !== '') marks.add(mark)
  }
  return [...marks]
}

function equal(a: HeaderValue, b: HeaderValue): boolean {
  if (Object.is(a, b)) return true
  if (a === null || b === null || typeof a !== 'object' || typeof b !== 'object') return false
  if (Buffer.isBuffer(a) || Buffer.isBuffer(b)) return Buffer.isBuffer(a) && Buffer.isBuffer(b) && a.equals(b)
  if (a instanceof Typed || b instanceof Typed)
    return (
      a instanceof Typed &&
      b instanceof Typed &&
      a.type === b.type &&
      equal(a.value as HeaderValue, b.value as HeaderValue)
    )
  if (Array.isArray(a) !== Array.isArray(b)) return false
  const names = Object.keys(a)
  const other = b as Readonly<Record<string, HeaderValue>>
  return (
    names.length === Object.keys(b).length &&
    names.every(
      name => Object.hasOwn(b, name) && equal((a as Readonly<Record<string, HeaderValue>>)[name]!, other[name]!),
    )
  )
}
