import type { Item } from './item.ts'

/** Items of which something is published and not everything settled: parts still to go, or a dead letter on its way. */
export class Unfinished {
  readonly #items = new Set<Item>()

  get count(): number {
    return this.#items.size
  }

  /** The one that has been so for longest. */
  get oldest(): Item | undefined {
    return this.#items.values().next().value
  }

  begin(item: Item): void {
    if (item.begun) return
    item.begun = true
    this.#items.add(item)
  }

  /** The item leaves the line. */
  end(item: Item): void {
    if (!item.begun) return
    item.begun = false
    this.#items.delete(item)
  }
}
