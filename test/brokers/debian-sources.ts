/** One place apt takes packages from: sources.list(5). */
export interface AptSource {
  readonly uri: string
  readonly suites: readonly string[]
  /** Path of the key that signs it. */
  readonly signedBy?: string | undefined
}

/** Finds the machine's source of the Debian release `codename` itself, in `.sources` texts first, then in `.list` texts. */
export function debianSource(
  codename: string,
  sources: readonly string[],
  lists: readonly string[],
): AptSource | undefined {
  const stanzas = sources.flatMap(text => text.split(/\n\s*\n/)).map(fromStanza)
  const lines = lists.flatMap(text => text.split('\n')).map(fromLine)
  return [...stanzas, ...lines]
    .filter(source => source !== undefined)
    .find(source => source.suites.includes(codename) && /\/debian(\/|$)/.test(source.uri))
}

/** The same source as a `.sources` text, for another release. */
export function forRelease(source: AptSource, release: string): string {
  const signed = source.signedBy ? `Signed-By: ${source.signedBy}\n` : ''
  return `Types: deb\nURIs: ${source.uri}\nSuites: ${release}\nComponents: main\n${signed}`
}

function fromStanza(stanza: string): AptSource | undefined {
  const field = (name: string) => new RegExp(`^${name}:[ \\t]*(.+)$`, 'im').exec(stanza)?.[1]?.trim()
  const uri = field('URIs')?.split(/\s+/)[0]
  if (!uri || field('Enabled') === 'no' || !field('Types')?.split(/\s+/).includes('deb')) return undefined
  // A key written out in the field itself goes over several lines: apt's own list of trusted keys has it too.
  const signedBy = field('Signed-By')
  return {
    uri,
    suites: field('Suites')?.split(/\s+/) ?? [],
    signedBy: signedBy?.startsWith('/') ? signedBy : undefined,
  }
}

function fromLine(line: string): AptSource | undefined {
  const match = /^deb\s+(?:\[(?<options>[^\]]*)\]\s+)?(?<uri>\S+)\s+(?<suite>\S+)\s/.exec(`${line.trim()} `)
  const { options, uri, suite } = match?.groups ?? {}
  if (!uri || !suite) return undefined
  return { uri, suites: [suite], signedBy: /signed-by=(\/\S+)/.exec(options ?? '')?.[1] }
}
