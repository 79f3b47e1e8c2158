/** A piece of a template: plain text, or the source of one `${…}` with the place of its first character in the text. */
export type TemplatePart = string | { readonly code: string; readonly offset: number }

/** Why a template cannot be used, and where: `offset` counts UTF-16 units from the start of the text. */
export interface TemplateProblem {
  readonly offset: number
  readonly message: string
  readonly hint?: string
}

/**
 * Splits a text into plain pieces and `${…}` sources. `$${` stands for the characters `${`. Braces, brackets, strings
 * (single, double and triple quotes) and `//` comments inside an expression follow CEL's lexical rules.
 */
export function scanTemplate(text: string): readonly TemplatePart[] | TemplateProblem {
  const parts: TemplatePart[] = []
  let literal = ''
  let at = 0
  while (at < text.length) {
    const next = text.indexOf('${', at)
    if (next < 0) break
    if (next > at && text[next - 1] === '$') {
      literal += `${text.slice(at, next - 1)}\${`
      at = next + 2
      continue
    }
    literal += text.slice(at, next)
    const end = endOfCode(text, next + 2)
    if (typeof end === 'object') return end.offset < 0 ? { ...end, offset: next } : end
    const code = text.slice(next + 2, end)
    if (code.trim() === '') return { offset: next, message: 'the expression between ${ and } is empty' }
    if (literal !== '') parts.push(literal)
    literal = ''
    parts.push({ code, offset: next + 2 })
    at = end + 1
  }
  literal += text.slice(at)
  if (literal !== '' || parts.length === 0) parts.push(literal)
  return parts
}

const CLOSING: Readonly<Record<string, string>> = { '{': '}', '(': ')', '[': ']' }

// The index of the `}` that ends the expression beginning at `start`, or the problem (offset -1: the `${` itself).
function endOfCode(text: string, start: number): number | TemplateProblem {
  const open: string[] = []
  for (let at = start; at < text.length; at++) {
    const character = text[at]!
    if (character === '"' || character === "'") {
      const end = endOfString(text, at)
      if (end < 0) return { offset: at, message: `the string that begins with ${character} does not end` }
      at = end
    } else if (character === '/' && text[at + 1] === '/') {
      const line = text.indexOf('\n', at)
      if (line < 0) return { offset: at, message: 'a // comment reaches to the end, so the expression has no }' }
      at = line
    } else if (character in CLOSING) open.push(character)
    else if (character === '}' && open.length === 0) return at
    else if (character === '}' || character === ')' || character === ']') {
      const opened = open.pop()
      if (opened === undefined) return { offset: at, message: `there is a ${character} too many` }
      if (CLOSING[opened] !== character)
        return { offset: at, message: `expected ${CLOSING[opened]} before this ${character}` }
    }
  }
  return { offset: -1, message: 'the ${ has no closing }', hint: 'Write $${ where the characters ${ are meant.' }
}

// The index of the last quote of the string that begins at `start`, or -1.
function endOfString(text: string, start: number): number {
  const quote = text[start]!
  const triple = quote.repeat(3)
  const closing = text.startsWith(triple, start) ? triple : quote
  for (let at = start + closing.length; at < text.length; at++) {
    if (text[at] === '\\') at++
    else if (text.startsWith(closing, at)) return at + closing.length - 1
  }
  return -1
}
