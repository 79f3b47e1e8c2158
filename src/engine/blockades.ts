import { SluiceError } from '../core/errors.ts'
import type { Conditions } from './conditions.ts'
import type { Item } from './item.ts'

const HINT = 'Give the route a `deadLetter`, mend what refuses the message, or remove it from the source.'

/**
 * Messages that block their key: without a dead letter a poison message is tried for ever, and so is one that has used up
 * its attempts. Invariant 8: the route says so while it lasts.
 */
export class Blockades {
  readonly #conditions: Conditions
  readonly #items = new Set<Item>()

  constructor(conditions: Conditions) {
    this.#conditions = conditions
  }

  /** The item will hardly ever do well; `item.error` says why. */
  add(item: Item): void {
    this.#items.add(item)
    const [oldest] = this.#items
    const { code, message } = oldest!.error!
    const others = this.#items.size - 1
    const more =
      others === 0
        ? ''
        : `, and ${others} other message${others === 1 ? '' : 's'} block${others === 1 ? 's' : ''} theirs`
    const text = `message ${oldest!.message.id} blocks its key: ${message}${more}`
    this.#conditions.raise('message', new SluiceError(code, text, { cause: oldest!.error, hint: HINT }))
  }

  /** The item left the line. */
  left(item: Item): void {
    if (this.#items.size === 0 || !this.#items.delete(item)) return
    if (this.#items.size === 0) this.#conditions.clear('message')
  }
}
