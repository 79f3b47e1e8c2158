interface Family {
  /** Its HELP and TYPE lines, as the first worker that has it wrote them. */
  readonly head: string[]
  readonly samples: string[]
}

const SAMPLE = /^([A-Za-z_:][\w:]*)(\{.*\})?( .+)$/

/**
 * The metrics of several processes as one text that Prometheus takes: each sample with the label `worker`, each family once.
 * Of a worker that did not answer there is only `sluice_worker_up` 0.
 */
export function mergeMetrics(texts: ReadonlyMap<number, string | undefined>): string {
  const families = new Map<string, Family>()
  const up = family(families, 'sluice_worker_up')
  up.head.push('# HELP sluice_worker_up The worker answers', '# TYPE sluice_worker_up gauge')
  for (const [worker, text] of texts) {
    up.samples.push(`sluice_worker_up{worker="${worker}"} ${text === undefined ? 0 : 1}`)
    if (text !== undefined) add(families, worker, text)
  }
  return `${[...families.values()].flatMap(({ head, samples }) => [...head, ...samples]).join('\n')}\n`
}

function family(families: Map<string, Family>, name: string): Family {
  const found = families.get(name) ?? { head: [], samples: [] }
  families.set(name, found)
  return found
}

// A family begins with its HELP or TYPE line, and has all samples up to the next: those of a histogram have other names.
function add(families: Map<string, Family>, worker: number, text: string): void {
  let current: Family | undefined
  let own = ''
  let opens = false
  for (const line of text.split('\n')) {
    const head = /^# (?:HELP|TYPE) (\S+)/.exec(line)
    if (head !== null) {
      if (head[1] !== own) {
        own = head[1]!
        current = family(families, own)
        opens = current.head.length === 0
      }
      if (opens) current!.head.push(line)
      continue
    }
    const [, name, labels, rest] = SAMPLE.exec(line) ?? []
    if (name === undefined) continue
    current ??= family(families, name)
    const more = labels === undefined || labels === '{}' ? '' : `,${labels.slice(1, -1)}`
    current.samples.push(`${name}{worker="${worker}"${more}}${rest}`)
  }
}
