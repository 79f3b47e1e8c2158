import { SluiceError } from '../../core/errors.ts'
import type { HeaderBlock } from './header-block.ts'

/** How long a request may wait at the server for messages, and how often the server says meanwhile that it is there. */
const EXPIRES_MS = 30_000
const HEARTBEAT_MS = 5_000
const NANOS = 1e6
/** Requests whose sizes are remembered, for one that is refused whole. */
const REMEMBERED = 64
/** Silence after which the server counts as gone: two heartbeats missed. */
const SILENCE_MS = 2 * HEARTBEAT_MS + 1_000

export interface PullLimits {
  /** Most deliveries unsettled at once. */
  readonly count: number
  /** Most bytes of them to aim for. */
  readonly bytes: number
  /** Most messages the consumer lets one request ask for; undefined = any number. */
  readonly batch: number | undefined
}

/** How many messages are asked for and not yet there. Invariant 6: together with what is held never more than the limit. */
export class PullRequests {
  readonly #limits: PullLimits
  readonly #send: (id: number, body: string) => void
  readonly #sizes = new Map<number, number>()
  #batch: number
  #wanted = 0
  #next = 0
  #averageSize = 1_024
  /** The next message is larger than the room that was asked for. */
  #tooTight = false
  #heard = performance.now()

  /** @param send publishes a request whose answers are told apart by `id` */
  constructor(limits: PullLimits, send: (id: number, body: string) => void) {
    this.#limits = limits
    this.#send = send
    this.#batch = limits.batch !== undefined && limits.batch > 0 ? limits.batch : Number.POSITIVE_INFINITY
  }

  get wanted(): number {
    return this.#wanted
  }

  /** The next message is larger than the room there was. */
  get tooTight(): boolean {
    return this.#tooTight
  }

  /** Asks for as many as there is room for, in requests that are worth their while. */
  ask(held: number, heldBytes: number): void {
    const { count, bytes } = this.#limits
    const free = count - held - this.#wanted
    const freeBytes = bytes - heldBytes
    if (free < 1 || (held > 0 && freeBytes < bytes / 4)) return
    // A second request beside an open one only where bytes are no concern: each of them may bring as many as there is room for.
    const plenty = free >= count / 4 && (free + this.#wanted) * this.#averageSize * 4 <= freeBytes
    if (this.#wanted > 0 && !plenty) return
    if (this.#wanted === 0) this.#heard = performance.now()
    // One that is larger than all the room there is still comes, alone.
    if (this.#tooTight && held === 0) this.#request(1, undefined)
    else for (let rest = free; rest > 0; rest -= this.#batch) this.#request(Math.min(rest, this.#batch), freeBytes)
    this.#tooTight = false
  }

  #request(batch: number, bytes: number | undefined): void {
    const id = this.#next++
    this.#sizes.set(id, batch)
    this.#sizes.delete(id - REMEMBERED)
    this.#wanted += batch
    const times = { expires: EXPIRES_MS * NANOS, idle_heartbeat: HEARTBEAT_MS * NANOS }
    this.#send(id, JSON.stringify({ batch, ...(bytes === undefined ? {} : { max_bytes: bytes }), ...times }))
  }

  /** A message came. */
  arrived(size: number): void {
    this.#heard = performance.now()
    if (this.#wanted > 0) this.#wanted--
    // Large ones weigh at once, small ones slowly: a budget is rather left unused than overrun.
    this.#averageSize = Math.max(size, this.#averageSize + (size - this.#averageSize) / 64)
  }

  /**
   * The server says something about a request.
   * @returns what ends the session; undefined when it goes on, and more can be asked for
   */
  status({ status, description, entries }: HeaderBlock, id: number): SluiceError | undefined {
    this.#heard = performance.now()
    if (status === 100) return undefined
    const left = entries.find(([name]) => name === 'Nats-Pending-Messages')?.[1].toString('latin1')
    if (left !== undefined && /^\d+$/.test(left)) {
      this.#wanted = Math.max(0, this.#wanted - Number(left))
      this.#sizes.delete(id)
    }
    if (/exceeds maxbytes/i.test(description)) this.#tooTight = true
    if (status === 408 || status === 404 || /batch completed|maxbytes/i.test(description)) return undefined
    const most = /MaxRequestBatch of (\d+)/i.exec(description)?.[1]
    if (most !== undefined) {
      this.#batch = Math.max(1, Number(most))
      if (left === undefined) this.#wanted = Math.max(0, this.#wanted - (this.#sizes.get(id) ?? 0))
      return undefined
    }
    if (status === 503) return new SluiceError('CHANNEL_LOST', 'the consumer is gone, or JetStream with it')
    return new SluiceError('CHANNEL_LOST', `the server ended the delivery: ${status} ${description}`)
  }

  /** What is wrong when the server owes messages or heartbeats and sends neither. */
  overdue(): SluiceError | undefined {
    if (this.#wanted === 0 || performance.now() - this.#heard < SILENCE_MS) return undefined
    return new SluiceError('TIMED_OUT', `the server sent neither messages nor heartbeats for ${SILENCE_MS / 1000} s`)
  }
}
