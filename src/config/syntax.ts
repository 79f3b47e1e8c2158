import { type Document, isAlias, isCollection, isMap, isScalar, isSeq, type Scalar, visit, type YAMLError } from 'yaml'

/** A place in the text, as offsets; `SyntaxIssue`s are found before there are paths. */
export interface SyntaxIssue {
  readonly start: number
  readonly end: number
  readonly message: string
  readonly hint?: string | undefined
}

const MOST = 20
const OPEN_QUOTE = 'a quotation mark is opened and never closed'

/** What the YAML parser has against a text, in plain words; one issue per line, because the rest follow from it. */
export function syntaxIssues(document: Document, text: string): readonly SyntaxIssue[] {
  const issues = [...document.errors, ...document.warnings].map(error => translate(error, document, text))
  if (issues.length === 0) issues.push(...beyondTheParser(document))
  // An open quotation mark swallows what follows: everything else is a consequence.
  const open = issues.find(issue => issue.message === OPEN_QUOTE)
  if (open !== undefined) return [open]
  const lines = new Set<number>()
  const kept: SyntaxIssue[] = []
  for (const issue of issues.toSorted((a, b) => a.start - b.start)) {
    const line = text.lastIndexOf('\n', issue.start - 1)
    if (!lines.has(line)) kept.push(issue)
    lines.add(line)
  }
  return kept.slice(0, MOST)
}

// Where a `: `, a `{` or a ` #` is part of an expression, YAML sees its own marks in it.
const QUOTE = "Put the whole value in double quotes, e.g. \"${body.total > 0 ? 'yes' : 'no'}\"."

function translate(error: YAMLError, document: Document, text: string): SyntaxIssue {
  const [start, end] = error.pos
  const say = (message: string, hint?: string, at = start): SyntaxIssue => ({
    start: at,
    end: Math.max(end, at + 1),
    message,
    hint,
  })
  const line = lineAt(text, start)
  switch (error.code) {
    case 'TAB_AS_INDENT':
      return say('a tab is used for indentation', 'Indent with spaces; YAML does not allow tabs there.')
    case 'DUPLICATE_KEY': {
      const key =
        text
          .slice(start)
          .match(/^["']?([^"':\n]+)/)?.[1]
          ?.trim() ?? '?'
      return {
        ...say(`the key "${key}" occurs twice in the same mapping`, 'Rename or remove one of them.'),
        end: start + key.length,
      }
    }
    case 'MULTIPLE_DOCS':
      return say('a second document begins here', 'Keep one document per file: remove the `---` and what follows.')
    case 'BLOCK_AS_IMPLICIT_KEY':
      return say(
        'there is a `: ` inside an unquoted value',
        line.includes('${') ? QUOTE : 'Put the value in double quotes.',
      )
    case 'UNEXPECTED_TOKEN':
      if (text[start - 1] === '$' || line.includes('${'))
        return say(
          'an expression inside { } or [ ] must be in quotes',
          'Write { key: "${headers.user}" }.',
          Math.max(0, text.lastIndexOf('${', start)),
        )
      return say('this cannot stand here', 'Check the brackets, commas and quotes of this line and the one above.')
    case 'MISSING_CHAR':
      if (error.message.includes('quote'))
        return say(OPEN_QUOTE, 'Close it at the end of the value.', openQuote(document, start))
      if (error.message.includes('Implicit map key')) return say('a key without a colon', 'Write `key: value`.')
      return say('a bracket or comma is missing here', 'Check the brackets of this line and the one above.')
    case 'MULTILINE_IMPLICIT_KEY':
      return say('a key without a colon', 'Write `key: value`.')
    case 'RESOURCE_EXHAUSTION':
      return { start: 0, end: 1, message: 'the file is nested too deeply', hint: 'Remove the nested brackets.' }
    case 'BAD_INDENT':
      if (error.message.startsWith('Flow'))
        return say('a bracket is opened and never closed', 'Close it with ] or }.', openBracket(document, start))
      return say(
        'the indentation does not fit the lines above',
        'Keys of one mapping begin in the same column; close every [ and {.',
      )
    case 'BAD_SCALAR_START':
      return say(`a value cannot begin with ${text[start]}`, 'Put the value in quotes.')
    case 'TAG_RESOLVE_FAILED':
      return say(
        `the tag ${text.slice(start, end)} is not known`,
        'Remove it; plain values, lists and mappings are enough.',
      )
    case 'BAD_ALIAS':
      return say('this is not a usable alias', 'Define the anchor with &name before it is used as *name.')
    default:
      return say(`this is not YAML: ${error.message.charAt(0).toLowerCase()}${error.message.slice(1)}`)
  }
}

// What the parser lets through and toJS would throw at, or turn into something nobody meant.
function beyondTheParser(document: Document): SyntaxIssue[] {
  const issues: SyntaxIssue[] = []
  const say = (node: { range?: readonly number[] | null | undefined }, message: string, hint: string) =>
    issues.push({ start: node.range?.[0] ?? 0, end: node.range?.[1] ?? 1, message, hint })
  visit(document, {
    Alias(_, alias, ancestors) {
      const target = alias.resolve(document)
      if (target === undefined)
        say(alias, `there is no anchor &${alias.source} before this alias`, 'Define it above, or correct the name.')
      else if (ancestors.includes(target)) say(alias, `the alias *${alias.source} contains itself`, 'Remove the alias.')
    },
    Pair(_, pair) {
      const key = pair.key as { range?: readonly number[] }
      if (isCollection(pair.key)) say(key, 'a list or mapping is used as a key', 'Keys are plain words.')
      else if (isScalar(pair.key) && isMerge(pair.key)) {
        for (const one of isSeq(pair.value) ? pair.value.items : [pair.value]) {
          const target = isAlias(one) ? one.resolve(document) : one
          if (target !== undefined && !isMap(target))
            say(key, 'only mappings can be merged with <<', 'Write `<<: *name` with an anchor on a mapping.')
        }
      }
    },
  })
  return issues
}

/** Whether a key is `<<`; the parser keeps it as a symbol. */
export const isMerge = (key: Scalar): boolean => key.source === '<<' || key.value === '<<'

function openQuote(document: Document, end: number): number {
  let start = end
  visit(document, {
    Scalar(_, node) {
      if (node.type?.startsWith('QUOTE') && node.range && node.range[0] < end && node.range[1] >= end - 1)
        start = node.range[0]
    },
  })
  return start
}

function openBracket(document: Document, end: number): number {
  let start = end
  visit(document, {
    Collection(_, node) {
      if (node.flow === true && node.range && node.range[0] < end && node.range[1] >= end - 1) start = node.range[0]
    },
  })
  return start
}

function lineAt(text: string, at: number): string {
  const end = text.indexOf('\n', at)
  return text.slice(text.lastIndexOf('\n', at - 1) + 1, end < 0 ? undefined : end)
}
