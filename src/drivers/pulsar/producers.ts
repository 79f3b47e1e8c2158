import { SluiceError } from '../../core/errors.ts'
import { aborting } from '../../core/waiting.ts'
import { printTopic, type TopicName } from './topic-name.ts'
import type { ProducerLink } from './transport.ts'

/** Most topics that are written to at once; the one that was not used for longest is closed for a further one. */
const MOST = 100
const CLOSE_MS = 5_000

/** One open producer. */
export interface OpenProducer {
  readonly link: ProducerLink
  /** Messages that have no result yet. */
  pending: number
}

interface Slot {
  opening: Promise<OpenProducer>
  open: OpenProducer | undefined
}

export type OpenLink = (topic: TopicName, lost: () => void, signal: AbortSignal) => Promise<ProducerLink>

/** A producer for each topic, opened when it is first needed and anew after a loss. */
export class Producers {
  readonly #open: OpenLink
  readonly #slots = new Map<string, Slot>()
  readonly #closing = new AbortController()
  readonly #leaving = new Set<Promise<void>>()

  constructor(open: OpenLink) {
    this.#open = open
  }

  /**
   * At once where it is open. Throws, or rejects with, what the transport throws; ABORTED when the signal aborts or the
   * sink is closed.
   */
  get(topic: TopicName, signal: AbortSignal): OpenProducer | Promise<OpenProducer> {
    if (this.#closing.signal.aborted) throw new SluiceError('ABORTED', 'the sink is closed')
    const name = printTopic(topic)
    let slot = this.#slots.get(name)
    if (slot?.open !== undefined && this.#slots.size === 1) return slot.open
    if (slot === undefined) {
      this.#makeRoom()
      slot = { open: undefined } as Slot
      slot.opening = this.#begin(topic, name, slot)
    }
    // Used last: the first in the map is the one that was not used for longest.
    this.#slots.delete(name)
    this.#slots.set(name, slot)
    return slot.open ?? aborting(slot.opening, signal)
  }

  // It ends with the sink, not with the first caller.
  async #begin(topic: TopicName, name: string, slot: Slot): Promise<OpenProducer> {
    const drop = () => {
      if (this.#slots.get(name) === slot) this.#slots.delete(name)
    }
    try {
      const open = { link: await this.#open(topic, drop, this.#closing.signal), pending: 0 }
      slot.open = open
      return open
    } catch (error) {
      drop()
      throw error
    }
  }

  #makeRoom(): void {
    if (this.#slots.size < MOST) return
    for (const [name, { open }] of this.#slots) {
      if (open === undefined || open.pending > 0) continue
      this.#slots.delete(name)
      const leaving = open.link.close(AbortSignal.timeout(CLOSE_MS)).finally(() => this.#leaving.delete(leaving))
      this.#leaving.add(leaving)
      return
    }
    throw new SluiceError('UNAVAILABLE', `${MOST} topics are being written to at once, which is the most`)
  }

  async close(): Promise<void> {
    this.#closing.abort()
    const signal = AbortSignal.timeout(CLOSE_MS)
    const slots = [...this.#slots.values()]
    this.#slots.clear()
    await Promise.all(slots.map(({ opening }) => opening.then(({ link }) => link.close(signal)).catch(() => {})))
    await Promise.all(this.#leaving)
  }
}
