import { asSluiceError } from '../core/errors.ts'
import type { Message } from '../core/message.ts'
import type { TransformResult } from '../core/ports.ts'
import type { Item } from './item.ts'

/** Why a message did not get beyond the transforms. */
export interface Stumble {
  readonly code: string
  readonly message: string
  /** It is tried again; false = it is put aside. */
  readonly again: boolean
}

/** What comes to a route's transforms: the message as received, and what they made of it; none = it was filtered, or failed. */
export interface Sight {
  readonly before: Message
  readonly after: readonly Message[]
  readonly failure?: Stumble | undefined
}

export interface TapListener {
  /** Most messages per second. */
  readonly rate: number
  /** Must not throw; called in the middle of the line, so it must be quick. */
  see(sight: Sight): void
}

interface Listening {
  readonly listener: TapListener
  tokens: number
  at: number
  passed: number
}

/** A place on the line where one can watch. Costs a look at a number per message while nobody does. */
export class Tap {
  readonly #listening = new Set<Listening>()

  /** Somebody watches. */
  get open(): boolean {
    return this.#listening.size > 0
  }

  /** Lets somebody watch a sample. `passed` is how many messages have passed since then, shown or not. */
  listen(listener: TapListener): Disposable & { readonly passed: number } {
    const listening: Listening = { listener, tokens: listener.rate, at: performance.now(), passed: 0 }
    this.#listening.add(listening)
    return {
      get passed() {
        return listening.passed
      },
      [Symbol.dispose]: () => void this.#listening.delete(listening),
    }
  }

  look({ message, output }: Item): void {
    this.#show({ before: message, after: listOf(output) })
  }

  /** `error` kept it from passing; `again` as in `Stumble`. */
  stumbled(item: Item, error: unknown, again: boolean): void {
    const { code, message } = asSluiceError(error, 'TRANSFORM_FAILED')
    this.#show({ before: item.message, after: [], failure: { code, message, again } })
  }

  #show(sight: Sight): void {
    const now = performance.now()
    for (const each of this.#listening) {
      const { listener } = each
      each.tokens = Math.min(listener.rate, each.tokens + ((now - each.at) / 1000) * listener.rate)
      each.at = now
      each.passed++
      if (each.tokens < 1) continue
      each.tokens--
      listener.see(sight)
    }
  }
}

function listOf(output: TransformResult): readonly Message[] {
  if (output === undefined) return []
  return Array.isArray(output) ? (output as readonly Message[]) : [output as Message]
}
