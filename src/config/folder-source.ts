import type { ConfigSource } from './config-source.ts'
import type { Issue, Path, Problem } from './problem.ts'
import { isMapping } from './scope.ts'
import type { Source } from './source.ts'

/** Maps by name, to which every file may add. */
const SECTIONS = ['connections', 'routes'] as const
/** The same in every file that has it. */
const VERSION = 'version'

const nouns: Readonly<Record<string, string>> = { connections: 'connection', routes: 'route' }

/**
 * The files of a folder as one configuration: each may define connections and routes; every other option stands in one of
 * them. What is defined twice is a problem at both places.
 */
export class FolderSource implements ConfigSource {
  readonly file: string
  readonly value: unknown
  readonly problems: readonly Problem[]
  readonly #sources: readonly Source[]
  /** Which file a name of a section, or an option, is in. */
  readonly #owners = new Map<string, Source>()

  /** @param sources in the order in which they count; at least one. */
  constructor(folder: string, sources: readonly Source[]) {
    this.file = folder
    this.#sources = sources
    const broken = sources.flatMap(source => source.problems)
    const clashes: Problem[] = []
    this.value = broken.length > 0 ? undefined : this.#merged(clashes)
    this.problems = [...broken, ...clashes]
  }

  get files(): readonly string[] {
    return this.#sources.map(source => source.file)
  }

  problem(issue: Issue): Problem {
    return this.#ownerOf(issue.path).problem(issue)
  }

  textOf(file: string): string {
    return this.#sources.find(source => source.file === file)?.text ?? ''
  }

  #ownerOf([option, name]: Path): Source {
    const inSection = name === undefined ? undefined : this.#owners.get(key(String(option), String(name)))
    return inSection ?? this.#owners.get(key(String(option))) ?? this.#sources[0]!
  }

  #merged(clashes: Problem[]): unknown {
    const top = new Map<string, unknown>()
    const sections = new Map<string, Map<string, unknown>>()
    for (const source of this.#sources) {
      const { value } = source
      // A file of comments, or one that is still to be written.
      if (value === null || value === undefined) continue
      if (!isMapping(value)) {
        const hint = 'Begin with `version: 1`, `connections:` or `routes:`.'
        clashes.push(source.problem({ path: [], message: 'the file must be a mapping', hint }))
        continue
      }
      for (const [option, inner] of Object.entries(value)) {
        const section = SECTIONS.some(name => name === option)
        if (section && (inner === null || isMapping(inner))) {
          const entries = sections.get(option) ?? new Map<string, unknown>()
          sections.set(option, entries)
          this.#claim([option], source, [])
          for (const [name, entry] of Object.entries(inner ?? {}))
            if (this.#claim([option, name], source, clashes)) entries.set(name, entry)
        } else if (option === VERSION && top.get(VERSION) === inner) continue
        else if (this.#claim([option], source, clashes)) top.set(option, inner)
      }
    }
    for (const [option, entries] of sections) if (!top.has(option)) top.set(option, Object.fromEntries(entries))
    return Object.fromEntries(top)
  }

  // False: another file has it already.
  #claim(path: readonly string[], source: Source, clashes: Problem[]): boolean {
    const at = key(...path)
    const owner = this.#owners.get(at)
    if (owner === undefined) this.#owners.set(at, source)
    if (owner === undefined || owner === source) return true
    const [option, name] = path
    const what = name === undefined ? `\`${option}\`` : `the ${nouns[option!]} "${name}"`
    const places = [owner, source].map(each => each.problem({ path, message: '', atKey: true }))
    places.forEach((place, i) => {
      const { file, line, col } = places[1 - i]!
      const message = `${what} is defined twice; the other place is ${file}:${line}:${col}`
      clashes.push({ ...place, message, hint: 'Remove one of them, or rename it.' })
    })
    return false
  }
}

const key = (...path: readonly string[]): string => path.join('\0')
