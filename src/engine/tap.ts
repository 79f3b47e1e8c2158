import type { Message } from '../core/message.ts'
import type { TransformResult } from '../core/ports.ts'
import type { Item } from './item.ts'

/** What passes a route's transforms: the message as received, and what they made of it; none = it was filtered. */
export interface Sight {
  readonly before: Message
  readonly after: readonly Message[]
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

/** A place on the line where one can watch. Costs a look at a boolean per run while nobody does. */
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

  look(items: readonly Item[]): void {
    const now = performance.now()
    for (const each of this.#listening) {
      const { listener } = each
      each.tokens = Math.min(listener.rate, each.tokens + ((now - each.at) / 1000) * listener.rate)
      each.at = now
      each.passed += items.length
      for (let i = 0; i < items.length && each.tokens >= 1; i++) {
        each.tokens--
        const { message, output } = items[i]!
        listener.see({ before: message, after: listOf(output) })
      }
    }
  }
}

function listOf(output: TransformResult): readonly Message[] {
  if (output === undefined) return []
  return Array.isArray(output) ? (output as readonly Message[]) : [output as Message]
}
