import type { HeaderEntry } from '../../core/headers.ts'
import type { Properties } from '../../core/message.ts'
import type { Content } from './content-reader.ts'
import type { Pending, PendingTable } from './pending.ts'
import type { Publication } from './publish-frames.ts'
import { decodeTable } from './table-decode.ts'
import { TableEncoder } from './table-encode.ts'

/**
 * Matches basic.return to the message it is about. AMQP gives a return no number, but RabbitMQ sends returns of a channel in
 * the order of publishing and each before its own confirm. So the match is the first unconfirmed message behind the last
 * match that equals what came back; messages that are equal in every byte are interchangeable. No marker is needed.
 */
export class Returns {
  readonly #pending: PendingTable
  readonly #tables = new TableEncoder()
  #from = 1

  constructor(pending: PendingTable) {
    this.#pending = pending
  }

  /** The message that came back, or undefined when none fits. */
  match(content: Content, exchange: string): Pending | undefined {
    const open = (pending: Pending) =>
      pending.returned === undefined &&
      pending.publication.exchange === exchange &&
      pending.publication.routingKey === content.routingKey
    const body = (pending: Pending) => open(pending) && pending.publication.body.equals(content.body)
    // The broker may re-encode headers (CC and BCC, message containers), so the weaker matches follow.
    const found =
      this.#pending.find(this.#from, pending => body(pending) && this.#sameHeader(pending.publication, content)) ??
      this.#pending.find(this.#from, body) ??
      this.#pending.find(this.#from, open)
    if (found === undefined) return undefined
    this.#from = found.number + 1
    return found.pending
  }

  #sameHeader({ headers, properties }: Publication, content: Content): boolean {
    if (!sameProperties(properties, content.properties)) return false
    if (headers.length === 0 || content.table === undefined) return headers.length === 0 && content.table === undefined
    if (this.#tables.encode(headers).subarray(4).equals(content.table)) return true
    return this.#sorted(headers).equals(this.#sorted(decode(content.table)))
  }

  // RabbitMQ 4 sorts the headers of what it returns.
  #sorted(entries: readonly HeaderEntry[]): Buffer {
    const sorted = entries.toSorted((a, b) => (a[0] < b[0] ? -1 : 1))
    return Buffer.from(this.#tables.encode(sorted))
  }
}

function decode(table: Buffer): readonly HeaderEntry[] {
  try {
    return decodeTable(table)
  } catch {
    return []
  }
}

function sameProperties(sent: Properties, returned: Properties): boolean {
  for (const name of Object.keys(sent) as (keyof Properties)[]) if (sent[name] !== returned[name]) return false
  return true
}
