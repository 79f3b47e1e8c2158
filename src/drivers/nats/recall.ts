import { SluiceError } from '../../core/errors.ts'
import type { Api } from './api.ts'
import { decodeBlock } from './header-block.ts'
import { findStream, type StreamInfo } from './streams.ts'

interface Position {
  readonly created: string
  readonly last: number
}

interface Direct {
  readonly message?: { readonly seq: number; readonly hdrs?: string }
}

/** Requests under way at once. */
const AT_ONCE = 200

/** How far the stream reaches, as JSON. */
export async function position(api: Api, stream: string, signal: AbortSignal): Promise<string> {
  const { created, state } = await look(api, stream, signal)
  return JSON.stringify({ created, last: state.last_seq } satisfies Position)
}

/** The values of `header` on all messages from `since` (a `position`) to the end there is now. */
export async function recall(
  api: Api,
  stream: string,
  since: string,
  header: string,
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const from = JSON.parse(since) as Position
  const { created, state } = await look(api, stream, signal)
  const found = new Set<string>()
  // A stream that was made anew holds nothing older than itself.
  const first = created === from.created ? Math.max(from.last + 1, state.first_seq) : state.first_seq
  for (let start = first; start <= state.last_seq; start += AT_ONCE) {
    const end = Math.min(start + AT_ONCE - 1, state.last_seq)
    const sequences = Array.from({ length: end - start + 1 }, (_, i) => start + i)
    const blocks = await Promise.all(sequences.map(sequence => headersAt(api, stream, sequence, signal)))
    for (const block of blocks) {
      if (block === undefined) continue
      for (const [name, value] of decodeBlock(block).entries) if (name === header) found.add(value.toString('utf8'))
    }
  }
  return found
}

async function look(api: Api, stream: string, signal: AbortSignal): Promise<StreamInfo> {
  const info = await findStream(api, stream, signal)
  if (info === undefined) throw new SluiceError('ADDRESS_MISSING', `the stream ${stream} does not exist`)
  return info
}

// Undefined for a message that is gone.
async function headersAt(api: Api, stream: string, seq: number, signal: AbortSignal): Promise<Buffer | undefined> {
  const doing = `reading back message ${seq} of ${stream}`
  const answer = await api.askOr<Direct>(`STREAM.MSG.GET.${stream}`, { seq }, doing, signal)
  const hdrs = 'found' in answer ? answer.found.message?.hdrs : undefined
  return hdrs === undefined ? undefined : Buffer.from(hdrs, 'base64')
}
