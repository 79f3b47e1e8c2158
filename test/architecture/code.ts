/** A file's path from the root of the repository, and its text. */
export type Files = ReadonlyMap<string, string>

/**
 * The code of a TypeScript file, every character at its place: comments, regular expressions and what is between quotes are
 * blanked out. Regular expressions are told from divisions by what stands before them.
 */
export function bare(source: string): string {
  let out = ''
  const blank = (end: number) => {
    out += source.slice(out.length, end).replace(/[^\n]/g, ' ')
  }
  const quoted = (end: number) => {
    const last = Math.min(end, source.length) - 1
    out += source[out.length]
    blank(last)
    out += source.slice(last, end)
  }
  while (out.length < source.length) {
    const at = out.length
    const char = source[at]!
    if (source.startsWith('//', at)) blank(indexOr(source, '\n', at))
    else if (source.startsWith('/*', at)) blank(indexOr(source, '*/', at + 2) + 2)
    else if (char === "'" || char === '"') quoted(endOfText(source, at))
    else if (char === '`') quoted(endOfTemplate(source, at))
    else if (char === '/' && startsRegExp(out)) blank(endOfRegExp(source, at))
    else out += char
  }
  return out
}

/** Every module the file names: `import`, `export … from`, `import()` and types too. */
export function imports(source: string): readonly string[] {
  const code = bare(source)
  const forms = [/\b(?:import|export)\b[^'"`;()]*?\bfrom\s*(['"])( *)\1/dg, /\bimport\s*\(?\s*(['"`])( *)\1/dg]
  return forms.flatMap(form => [...code.matchAll(form)].map(match => source.slice(...match.indices![2]!)))
}

function indexOr(source: string, what: string, from: number): number {
  const index = source.indexOf(what, from)
  return index < 0 ? source.length : index
}

function endOfText(source: string, from: number): number {
  let at = from + 1
  while (at < source.length && source[at] !== source[from] && source[at] !== '\n') at += source[at] === '\\' ? 2 : 1
  return at + 1
}

function endOfTemplate(source: string, from: number): number {
  let at = from + 1
  while (at < source.length && source[at] !== '`') {
    if (source.startsWith('${', at)) at = endOfHole(source, at + 2)
    else at += source[at] === '\\' ? 2 : 1
  }
  return at + 1
}

function endOfHole(source: string, from: number): number {
  let at = from
  for (let depth = 1; at < source.length && depth > 0; ) {
    const char = source[at]!
    if (char === '`') at = endOfTemplate(source, at)
    else if (char === "'" || char === '"') at = endOfText(source, at)
    else {
      if (char === '{') depth++
      if (char === '}') depth--
      at++
    }
  }
  return at
}

function startsRegExp(before: string): boolean {
  const last = before.trimEnd()
  return last === '' || /[=(,:;!&|?{}[+~<>]$/.test(last) || /\b(?:return|typeof|case|in|of)$/.test(last)
}

function endOfRegExp(source: string, from: number): number {
  let at = from + 1
  for (let inClass = false; at < source.length && source[at] !== '\n'; at++) {
    const char = source[at]
    if (char === '\\') at++
    else if (char === '[') inClass = true
    else if (char === ']') inClass = false
    else if (char === '/' && !inClass) break
  }
  return at + 1
}
