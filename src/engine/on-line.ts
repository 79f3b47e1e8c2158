import type { Item } from './item.ts'

/** What is on a line, in the order received. A list through the items themselves: this is paid for by every message. */
export class OnLine {
  #first: Item | undefined
  #last: Item | undefined

  add(item: Item): void {
    item.before = this.#last
    if (this.#last === undefined) this.#first = item
    else this.#last.after = item
    this.#last = item
  }

  remove(item: Item): void {
    const { before, after } = item
    if (before === undefined) this.#first = after
    else before.after = after
    if (after === undefined) this.#last = before
    else after.before = before
    item.before = undefined
    item.after = undefined
  }

  /** The one that has been on the line longest. */
  get first(): Item | undefined {
    return this.#first
  }

  list(): Item[] {
    const items: Item[] = []
    for (let item = this.#first; item !== undefined; item = item.after) items.push(item)
    return items
  }
}
