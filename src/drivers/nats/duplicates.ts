import type { Api } from './api.ts'
import { decodeBlock } from './header-block.ts'
import type { Publication } from './target.ts'
import { TIMESTAMP_HEADER } from './wire-message.ts'

interface Stored {
  readonly message?: { readonly subject: string; readonly hdrs?: string; readonly data?: string }
}

/**
 * Whether what the stream has under this sequence is what was published. A stream tells duplicates by their id alone, and
 * two messages may share one: a second route into the same stream, a dead letter written again, a producer that numbers
 * orders and not messages. Invariant 8: such a message must not vanish. What cannot be read any more counts as different.
 */
export async function isSame(
  api: Api,
  stream: string,
  sequence: number,
  publication: Publication,
  signal: AbortSignal,
): Promise<boolean> {
  const answer = await api.ask<Stored>(
    `STREAM.MSG.GET.${stream}`,
    { seq: sequence },
    `reading back message ${sequence} of ${stream}`,
    signal,
  )
  const stored = answer.message
  if (stored === undefined || stored.subject !== publication.subject) return false
  const body = Buffer.from(stored.data ?? '', 'base64')
  return (
    body.equals(publication.body) && essence(Buffer.from(stored.hdrs ?? '', 'base64')) === essence(publication.block)
  )
}

// Without the time, which may be that of receipt and differ from one delivery of a message to the next.
function essence(block: Buffer): string {
  const entries = decodeBlock(block).entries.filter(([name]) => name !== TIMESTAMP_HEADER)
  return JSON.stringify(entries.map(([name, value]) => [name, value.toString('latin1')]))
}

/** Questions under way at once: after a cut thousands of messages are repeated together. */
const AT_ONCE = 32

/** Works one after the other, a few at a time. What waits is what publish calls wait for. */
export class Turns {
  readonly #waiting: (() => Promise<void>)[] = []
  #running = 0

  /** @param work never rejects */
  add(work: () => Promise<void>): void {
    this.#waiting.push(work)
    if (this.#running < AT_ONCE) void this.#run()
  }

  async #run(): Promise<void> {
    this.#running++
    for (let work = this.#waiting.shift(); work !== undefined; work = this.#waiting.shift()) await work()
    this.#running--
  }
}
