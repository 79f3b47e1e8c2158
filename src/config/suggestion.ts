import { nearest } from '../core/nearest.ts'

/** `Did you mean "topic"?`, or the known names, or nothing where there are none. */
export function didYouMean(name: string, known: Iterable<string>, noun = 'There are'): string | undefined {
  const names = [...known]
  const best = nearest(name, names) ?? names.find(other => letters(other) === letters(name))
  if (best !== undefined) return `Did you mean "${best}"?`
  return names.length === 0 ? undefined : `${noun}: ${list(names)}.`
}

// Swapped letters are two mistakes to the distance and one to the person: `hots` is host.
const letters = (name: string): string => [...name.toLowerCase()].toSorted().join('')

/** `a, b, c`, cut after 20. */
export function list(names: readonly string[]): string {
  return names.length <= 20 ? names.join(', ') : `${names.slice(0, 20).join(', ')} and ${names.length - 20} more`
}
