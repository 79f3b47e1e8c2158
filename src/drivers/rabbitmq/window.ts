import type { Acks } from './acks.ts'
import type { Caution } from './caution.ts'
import type { Prefetch } from './prefetch.ts'

/** Longest standstill for a larger prefetch. */
const STANDSTILL_MS = 1_000
/** What was held alone for so long has not stopped the process: others must not wait for it any longer. */
const HARMLESS_MS = 10_000

/** What one consumer holds, in messages and bytes, and when another prefetch would suit it better. */
export class Window {
  readonly #prefetch: Prefetch
  readonly #acks: Acks
  readonly #caution: Caution
  readonly #renew: () => void
  #count = 0
  #bytes = 0
  #growing: NodeJS.Timeout | undefined
  #alone: NodeJS.Timeout | undefined

  /** @param renew asks for another consumer with the prefetch that is current by then */
  constructor(prefetch: Prefetch, acks: Acks, caution: Caution, renew: () => void) {
    this.#prefetch = prefetch
    this.#acks = acks
    this.#caution = caution
    this.#renew = renew
  }

  /** @param attempt how often the broker has delivered this message, this time included */
  add(bytes: number, attempt: number): void {
    this.#count++
    this.#bytes += bytes
    const suspicious = this.#caution.saw(attempt)
    if (this.#caution.alone) return this.#addAlone(suspicious)
    // Invariant 6: what is held is bounded in bytes, too.
    if (this.#prefetch.shrinks(this.#count, this.#bytes, performance.now())) this.#renew()
  }

  // The first that has not been out too often is the last to be alone; nothing is held when another channel takes over.
  #addAlone(suspicious: boolean): void {
    clearTimeout(this.#alone)
    const end = () => {
      this.#caution.end()
      this.#renew()
    }
    if (!suspicious) this.#acks.hold(end)
    this.#alone = setTimeout(end, suspicious ? HARMLESS_MS : STANDSTILL_MS)
  }

  remove(bytes: number): void {
    clearTimeout(this.#alone)
    this.#count--
    this.#bytes -= bytes
  }

  observe(count: number, bytes: number): void {
    this.#prefetch.observe(count, bytes)
    const wanted = this.#prefetch.wanted(performance.now())
    if (wanted === undefined || this.#growing !== undefined) return
    // Growing can wait for a moment when nothing is held: acks stay here until then, so that the broker sends no more.
    this.#growing = setTimeout(() => {
      this.#growing = undefined
      this.#acks.resume()
    }, STANDSTILL_MS)
    this.#acks.hold(() => {
      this.#prefetch.grow(wanted)
      this.#renew()
    })
  }

  stop(): void {
    clearTimeout(this.#growing)
    clearTimeout(this.#alone)
  }
}
