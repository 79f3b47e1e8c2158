import { Optional } from '@marcbachmann/cel-js'

/**
 * A value as it leaves an expression: ordinary JSON-like data. Integers are numbers (BigInt only beyond 2^53), bytes a
 * Buffer, timestamps ISO 8601 text, durations milliseconds, an empty optional null. Copies only what it has to change.
 */
export function leaveCel(value: unknown): unknown {
  switch (typeof value) {
    case 'bigint':
      return narrow(value)
    case 'object':
      return value === null ? null : leaveObject(value)
    default:
      return value
  }
}

function leaveObject(value: object): unknown {
  if (Array.isArray(value)) return leaveList(value)
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === Object.prototype || prototype === null) return leaveRecord(value as Record<string, unknown>)
  if (value instanceof Uint8Array)
    return Buffer.isBuffer(value) ? value : Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  if (value instanceof Map) return fromMap(value)
  if (value instanceof Optional) return value.hasValue() ? leaveCel(value.value()) : null
  if (value instanceof Date) return value.toISOString()
  const bare = (value as { valueOf(): unknown }).valueOf()
  // The library's unsigned integers and durations unwrap to a bigint and to milliseconds; its types print their name.
  if (bare !== value) return leaveCel(bare)
  return 'name' in value && typeof value.name === 'string' ? value.name : String(value)
}

function leaveList(list: readonly unknown[]): readonly unknown[] {
  for (let i = 0; i < list.length; i++) {
    const left = leaveCel(list[i])
    if (left === list[i]) continue
    return [...list.slice(0, i), left, ...list.slice(i + 1).map(leaveCel)]
  }
  return list
}

function leaveRecord(record: Record<string, unknown>): Record<string, unknown> {
  let copy: Record<string, unknown> | undefined
  for (const name of Object.keys(record)) {
    const left = leaveCel(record[name])
    if (left === record[name]) continue
    copy ??= { ...record }
    put(copy, name, left)
  }
  return copy ?? record
}

function fromMap(map: ReadonlyMap<unknown, unknown>): Record<string, unknown> {
  const record: Record<string, unknown> = {}
  for (const [name, value] of map) put(record, String(name), leaveCel(value))
  return record
}

/** Sets an own property, also where its name is `__proto__`. */
export function put(record: Record<string, unknown>, name: string, value: unknown): void {
  if (name === '__proto__') {
    Object.defineProperty(record, name, { value, enumerable: true, configurable: true, writable: true })
  } else record[name] = value
}

/** Records as Maps, all the way down: the library cannot read a record that has a field named `constructor`. */
export function asMaps(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(asMaps)
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return value
  const map = new Map<string, unknown>()
  for (const [name, inner] of Object.entries(value)) map.set(name, asMaps(inner))
  return map
}

function narrow(value: bigint): number | bigint {
  return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value
}
