import type { Message } from '../core/message.ts'
import type { Item } from './item.ts'

/** Marks an output of an item with what a later start can read. `part` of `parts`, from 1. */
export type Mark = (message: Message, item: Item, part: number, parts: number) => Message

/** The outputs of a run of items in order, each beside the item it came from, and the items of which nothing is left. */
export function outputsOf(
  items: readonly Item[],
  mark: Mark | undefined,
): { readonly messages: readonly Message[]; readonly owners: readonly Item[]; readonly filtered: readonly Item[] } {
  const messages: Message[] = []
  const owners: Item[] = []
  const filtered: Item[] = []
  for (const item of items) {
    const { output } = item
    item.output = undefined
    if (Array.isArray(output)) {
      item.pending = output.length
      for (let part = 0; part < output.length; part++) {
        messages.push(mark === undefined ? output[part]! : mark(output[part]!, item, part + 1, output.length))
        owners.push(item)
      }
    } else if (output !== undefined) {
      item.pending = 1
      messages.push(mark === undefined ? (output as Message) : mark(output as Message, item, 1, 1))
      owners.push(item)
    }
    if (item.pending === 0) {
      item.outcome = 'filtered'
      filtered.push(item)
    }
  }
  return { messages, owners, filtered }
}
