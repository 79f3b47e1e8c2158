import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, type Pair, parseDocument } from 'yaml'
import type { ConfigSource } from './config-source.ts'
import { type Fragment, formatPath, type Issue, type Path, type Problem } from './problem.ts'
import { isMerge, type SyntaxIssue, syntaxIssues } from './syntax.ts'

/** Most bytes of a configuration file, and most values once its aliases are expanded: a bomb must not eat the machine. */
export const MAX_BYTES = 1 << 20
const MAX_VALUES = 200_000
const MAX_ALIASES = 10_000
/** Open brackets at once; the time the parser takes grows with their square. */
const MAX_DEPTH = 500

/** A YAML text with the place of everything in it. `value` is undefined when the text is not YAML. */
export class Source implements ConfigSource {
  readonly file: string
  readonly text: string
  readonly value: unknown
  /** What keeps the text from being read; empty when `value` is usable. */
  readonly problems: readonly Problem[]
  readonly #lines = new LineCounter()
  readonly #document: Document | undefined

  constructor(file: string, text: string) {
    this.file = file
    this.text = text.startsWith('\ufeff') ? text.slice(1) : text
    const read = readDocument(this.text, this.#lines)
    this.#document = read.document
    this.value = read.value
    this.problems = read.issues.map(issue => this.#place(issue.start, issue.end, '', { path: [], ...issue }))
  }

  get files(): readonly string[] {
    return [this.file]
  }

  textOf(file: string): string {
    return file === this.file ? this.text : ''
  }

  /** The issue with its place in the file: of the value, its key, or a fragment of it; else of what holds it. */
  problem(issue: Issue): Problem {
    const path = formatPath(issue.path)
    const found = this.#find(issue.path)
    if (found === undefined) return this.#place(0, 0, path, issue)
    const [start, end] = found.range(issue.atKey === true)
    if (issue.within !== undefined) {
      const offset = offsetOf(issue.within, this.text.slice(start, end))
      if (offset !== undefined) return this.#place(start + offset, start + offset + issue.within.width, path, issue)
    }
    return this.#place(start, end, path, issue)
  }

  #place(start: number, end: number, path: string, issue: Issue | (SyntaxIssue & { path: Path })): Problem {
    const { line, col } = this.#lines.linePos(Math.min(start, this.text.length))
    const newline = this.text.indexOf('\n', start)
    const stop = Math.min(end, newline < 0 ? this.text.length : newline)
    return {
      severity: ('severity' in issue && issue.severity) || 'error',
      file: this.file,
      line: Math.max(1, line),
      col: Math.max(1, col),
      width: Math.max(1, this.text.slice(start, stop).trimEnd().length),
      path,
      message: issue.message,
      hint: issue.hint,
    }
  }

  // The deepest place on the path that exists in the text; what is missing is reported at the key of what should hold it.
  #find(path: Path): { range(atKey: boolean): [number, number] } | undefined {
    let node = this.#document?.contents as Node | null | undefined
    let pair: Pair | undefined
    let complete = true
    for (const key of path) {
      const next = this.#step(node, key)
      if (next === undefined) {
        complete = false
        break
      }
      pair = next.pair
      node = next.node
    }
    const keyRange = (pair?.key as Node | null | undefined)?.range
    const valueRange = node?.range
    if (!keyRange && !valueRange) return undefined
    return {
      range: atKey => {
        const empty = !valueRange || valueRange[0] === valueRange[1]
        const range = keyRange && (atKey || !complete || empty || !isScalar(node)) ? keyRange : valueRange!
        return [range[0], path.length === 0 ? range[0] : range[1]]
      },
    }
  }

  #step(node: Node | null | undefined, key: string | number): { node: Node | null; pair?: Pair } | undefined {
    if (isAlias(node)) node = node.resolve(this.#document!)
    if (isSeq(node)) {
      const item = node.items[Number(key)] as Node | undefined
      return item === undefined ? undefined : { node: item }
    }
    if (!isMap(node)) return undefined
    const merged: Node[] = []
    for (const pair of node.items) {
      if (!isScalar(pair.key)) continue
      if (isMerge(pair.key)) merged.push(pair.value as Node)
      else if (String(pair.key.value) === String(key)) return { node: pair.value as Node | null, pair }
    }
    for (const value of merged) {
      const holders = isSeq(value) ? (value.items as Node[]) : [value]
      for (const holder of holders) {
        const found = this.#step(holder, key)
        if (found !== undefined) return found
      }
    }
    return undefined
  }
}

interface Read {
  readonly document?: Document
  readonly value?: unknown
  readonly issues: readonly SyntaxIssue[]
}

function readDocument(text: string, lines: LineCounter): Read {
  const whole = (message: string, hint: string): Read => ({ issues: [{ start: 0, end: 1, message, hint }] })
  if (Buffer.byteLength(text) > MAX_BYTES)
    return whole('the file is larger than 1 MiB', 'Split it over several gateways; a route takes about 1 KiB.')
  const tooDeep = () => whole('the file is nested too deeply', 'Remove the nested brackets.')
  if (depthOf(text) > MAX_DEPTH) return tooDeep()
  try {
    const document = parseDocument(text, { lineCounter: lines, merge: true, prettyErrors: false, logLevel: 'error' })
    const issues = syntaxIssues(document, text)
    if (issues.length > 0) return { document, issues }
    const value: unknown = document.toJS({ maxAliasCount: MAX_ALIASES })
    if (!countsUpTo(value, MAX_VALUES))
      return whole('the file grows too large when its aliases are expanded', 'Use fewer anchors and aliases.')
    return { document, value, issues: [] }
  } catch (error) {
    // The parser recurses; a hostile nesting ends here, before it ends the process.
    if (error instanceof RangeError) return tooDeep()
    if (error instanceof ReferenceError)
      return whole('the file grows too large when its aliases are expanded', 'Use fewer anchors and aliases.')
    throw error
  }
}

// Brackets in texts and comments count too, which does not matter: they come in pairs, and nobody has hundreds open.
function depthOf(text: string): number {
  let depth = 0
  let most = 0
  for (const character of text) {
    if (character === '{' || character === '[') most = Math.max(most, ++depth)
    else if (character === '}' || character === ']') depth = Math.max(0, depth - 1)
  }
  return most
}

/** Where in a value as written a place of its text is: YAML folds lines, drops indentation and takes quotes off. */
function offsetOf({ text, offset }: Fragment, raw: string): number | undefined {
  const whole = raw.indexOf(text)
  if (whole >= 0) return whole + offset
  // Folding changes white space only, so the n-th other character is the n-th in both.
  const block = /^[|>][^\n]*\n/.exec(raw)?.[0].length ?? 0
  let left = text.slice(0, offset).replace(/\s/g, '').length
  for (let at = block; at < raw.length; at++) {
    if (/\s/.test(raw[at]!)) continue
    if (left === 0) return raw[at] === text[offset] ? at : undefined
    left--
  }
  return undefined
}

function countsUpTo(root: unknown, most: number): boolean {
  const queue = [root]
  for (let count = 0; queue.length > 0; count++) {
    if (count > most) return false
    const value = queue.pop()
    if (typeof value === 'object' && value !== null) for (const inner of Object.values(value)) queue.push(inner)
  }
  return true
}
