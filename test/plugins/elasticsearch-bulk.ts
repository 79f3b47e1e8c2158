import type { Failure, Index, Write } from './elasticsearch-index.ts'

export interface Bulk {
  readonly count: number
  readonly bytes: number
  /** performance.now(). */
  readonly at: number
  readonly parameters: Readonly<Record<string, string>>
}

/** What `bulk` needs of the server. */
export interface Shape {
  readonly faults: { readonly item: ((n: number) => Failure | undefined) | undefined }
  readonly bulks: Bulk[]
  items: number
  index(name: string): Index | undefined
}

interface Head {
  readonly _index?: string
  readonly _id?: string
  readonly version?: number
  readonly version_type?: string
}

/** Carries out a bulk request as Elasticsearch does: line by line, one result each, whatever becomes of the others. */
export function bulk(server: Shape, text: string, parameters: URLSearchParams): { status: number; body: unknown } {
  if (!text.endsWith('\n')) return refused('The bulk request must be terminated by a newline [\\n]')
  const lines = text.slice(0, -1).split('\n')
  const items: object[] = []
  const touched = new Set<Index>()
  const parsed: { readonly action: Write['action']; readonly head: Head; readonly source: string | undefined }[] = []
  for (let i = 0; i < lines.length; i++) {
    const [[action, head] = ['', {}]] = Object.entries(JSON.parse(lines[i]!) as Record<string, Head>)
    if (action !== 'index' && action !== 'create' && action !== 'delete')
      return refused(`Malformed action/metadata line [${i + 1}]`)
    // One such id, and the whole request is refused.
    if (Buffer.byteLength(head._id ?? '') > 512) return refused('Validation Failed: 1: id is too long')
    parsed.push({ action, head, source: action === 'delete' ? undefined : lines[++i] })
  }
  for (const { action, head, source } of parsed) {
    const result = server.faults.item?.(server.items++) ?? one(server, touched, action, head, source)
    const names = { _index: head._index, _id: head._id }
    if (typeof result === 'string') items.push({ [action]: { ...names, status: statusOf(result), result } })
    else
      items.push({ [action]: { ...names, status: result.status, error: { type: result.type, reason: result.reason } } })
  }
  if (parameters.has('refresh')) for (const index of touched) index.refresh()
  const about = { count: parsed.length, bytes: Buffer.byteLength(text), at: performance.now() }
  server.bulks.push({ ...about, parameters: Object.fromEntries(parameters) })
  const errors = items.some(item => 'error' in Object.values(item)[0]!)
  return { status: 200, body: { took: 1, errors, items } }
}

function one(
  server: Shape,
  touched: Set<Index>,
  action: Write['action'],
  head: Head,
  text: string | undefined,
): string | Failure {
  const index = server.index(head._index ?? '')
  if (index === undefined)
    return { status: 404, type: 'index_not_found_exception', reason: `no such index [${head._index}]` }
  touched.add(index)
  let source: Record<string, unknown> | undefined
  try {
    source = text === undefined ? undefined : (JSON.parse(text) as Record<string, unknown>)
  } catch {
    return { status: 400, type: 'document_parsing_exception', reason: '[1:1] failed to parse' }
  }
  const version = head.version_type === 'external' ? head.version : undefined
  return index.write({ action, id: head._id ?? '', source, version })
}

const statusOf = (result: string) => (result === 'created' ? 201 : result === 'not_found' ? 404 : 200)

function refused(reason: string) {
  const error = { type: 'illegal_argument_exception', reason }
  return { status: 400, body: { error: { root_cause: [error], ...error }, status: 400 } }
}
