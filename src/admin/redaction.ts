/** Names of headers and body fields that hold secrets or personal data as a rule; `*` stands for any characters. */
const USUAL = [
  '*authorization*',
  'cookie',
  'set-cookie',
  '*password*',
  '*passwd*',
  '*passphrase*',
  '*secret*',
  '*token*',
  '*credential*',
  '*api-key*',
  '*api_key*',
  '*apikey*',
  '*private-key*',
  '*private_key*',
  '*privatekey*',
  'card',
  'card_number',
  'cardnumber',
  'pan',
  'cvv',
  'cvc',
  'iban',
  'ssn',
]

export const MASK = '***'

/** Hides the values of headers and body fields by their names. */
export class NameRedactor {
  readonly #pattern: RegExp

  /** @param names beside the usual ones. */
  constructor(names: readonly string[] = []) {
    const sources = [...USUAL, ...names].map(name => name.split('*').map(quoted).join('.*'))
    this.#pattern = new RegExp(`^(?:${sources.join('|')})$`, 'is')
  }

  hides(name: string): boolean {
    return this.#pattern.test(name)
  }

  /** A copy of plain JSON data with what must be hidden replaced by `***`, at every depth. */
  tree(value: unknown): unknown {
    if (Array.isArray(value)) return value.map(inner => this.tree(inner))
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(
      Object.entries(value).map(([name, inner]) => [name, this.hides(name) ? MASK : this.tree(inner)]),
    )
  }
}

/** A copy of plain JSON data with every text changed. Names stay. */
export function mapTexts(value: unknown, change: (text: string) => string): unknown {
  if (typeof value === 'string') return change(value)
  if (Array.isArray(value)) return value.map(inner => mapTexts(inner, change))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, mapTexts(inner, change)]))
}

const quoted = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')
