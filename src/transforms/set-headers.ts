import { SluiceError } from '../core/errors.ts'
import { compileTree } from '../core/expression.ts'
import type { HeaderValue } from '../core/header-value.ts'
import { type HeaderEntry, Headers } from '../core/headers.ts'
import { type Message, type MessageFields, RESERVED } from '../core/message.ts'

/** Headers of a `set`: each is replaced where it stands, else added at the end; null removes it. Throws OPTIONS_INVALID. */
export function setHeaders(
  trees: Readonly<Record<string, unknown>>,
): (message: Message, fields: { headers?: MessageFields['headers'] }) => void {
  const reserved = Object.keys(trees).find(name => name.startsWith(RESERVED))
  if (reserved !== undefined)
    throw new SluiceError('OPTIONS_INVALID', `set: the header ${reserved}: names with ${RESERVED} belong to Sluice`)
  const expressions = Object.entries(trees).map(([name, tree]) => [name, compileTree(tree)] as const)
  const names = new Set(Object.keys(trees))
  return (message, fields) => {
    const values = new Map<string, HeaderValue>()
    for (const [name, expression] of expressions) {
      const value = expression.evaluate(message)
      if (value !== null && value !== undefined) values.set(name, headerOf(value))
    }
    const next: HeaderEntry[] = []
    for (const entry of message.headers.entries) {
      const [name] = entry
      if (!names.has(name)) next.push(entry)
      else if (values.has(name)) {
        next.push([name, values.get(name)!])
        values.delete(name)
      }
    }
    for (const entry of values) next.push(entry)
    fields.headers = new Headers(next)
  }
}

/** A value of an expression as a header value: whole numbers beyond 32 bit become int64, not double. */
export function headerOf(value: unknown): HeaderValue {
  switch (typeof value) {
    case 'string':
    case 'boolean':
    case 'bigint':
      return value
    case 'number':
      return Number.isSafeInteger(value) && (value | 0) !== value && !Object.is(value, -0) ? BigInt(value) : value
    default:
      if (value === null || value === undefined) return null
      if (Buffer.isBuffer(value)) return value
      if (Array.isArray(value)) return value.map(headerOf)
      return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, headerOf(inner)]))
  }
}
