import { evaluateLoadTemplate, type LoadSources } from '../core/load-expression.ts'
import { scanTemplate } from '../core/template-scan.ts'
import { type Issue, type Path, wordWidth } from './problem.ts'
import type { Secrets } from './secrets.ts'

export type { LoadSources }

const RESERVED_IN_URL = /[@/?#\s]/
const MOST_CHARACTERS = 65_536

/** Evaluates the `${…}` of `connections`: the tree with values in their place, and what went wrong. Secrets met are added. */
export function evaluateTree(
  tree: unknown,
  path: Path,
  sources: LoadSources,
  secrets: Secrets,
): { value: unknown; issues: Issue[] } {
  const issues: Issue[] = []
  const visit = (value: unknown, at: Path): unknown => {
    if (typeof value === 'string') {
      const result = evaluateText(value, at, sources, secrets)
      if (!('message' in result)) return result.value
      issues.push(result)
      return undefined
    }
    if (Array.isArray(value)) return value.map((item, index) => visit(item, [...at, index]))
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, visit(inner, [...at, key])]))
  }
  return { value: visit(tree, path), issues }
}

function evaluateText(text: string, path: Path, sources: LoadSources, secrets: Secrets): { value: unknown } | Issue {
  const inUrl = path.includes('url') || path.includes('urls')
  const fail = (offset: number, message: string, hint?: string): Issue => ({
    path,
    message,
    hint,
    within: { text: text.trim(), offset, width: wordWidth(text, offset) },
  })
  const parts = text.includes('${') ? scanTemplate(text) : [text]
  if ('offset' in parts) return fail(parts.offset, parts.message, parts.hint)
  const values: unknown[] = []
  for (const [index, part] of parts.entries()) {
    if (typeof part === 'string') {
      values.push(part)
      continue
    }
    // One by one: each value is a secret of its own, and each has its own place in the text.
    const result = evaluateLoadTemplate(`\${${part.code}}`, sources)
    if ('problem' in result) {
      const { offset, message, hint } = result.problem
      return fail(part.offset - 2 + offset, message, hintFor(message) ?? hint)
    }
    const value = result.value
    if (!inUrl) secrets.add(value)
    if (typeof value === 'string' && value.length > MOST_CHARACTERS)
      return fail(part.offset, 'the value is larger than 64 KiB')
    // What stands before an @ of the text is part of a login; a whole url may have such characters.
    const inLogin = inUrl && parts.slice(index + 1).some(later => typeof later === 'string' && later.includes('@'))
    if (inLogin && typeof value === 'string' && RESERVED_IN_URL.test(value))
      return fail(
        part.offset,
        'the value has characters that mean something else in a url (one of @ / ? # or a space)',
        `Write \${urlEncode(${part.code.trim()})}.`,
      )
    values.push(value)
  }
  const value = values.length === 1 ? values[0] : values.map(String).join('')
  if (inUrl && typeof value === 'string') secrets.addUrl(value)
  return { value }
}

function hintFor(message: string): string | undefined {
  if (message.startsWith('there is no variable'))
    return "In connections there are only env.NAME and file('/path'); messages exist in routes only."
  if (message.includes('cannot be read'))
    return 'Check that it exists and may be read; a relative path begins at this file.'
  return undefined
}
