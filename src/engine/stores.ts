import { digest } from '../config/plan.ts'
import type { Store, StoreContext, StoreFactory } from '../core/ports.ts'

interface Entry {
  readonly factory: StoreFactory
  /** Of its options and its size. */
  readonly digest: string
  readonly store: Store
  users: number
}

/**
 * The open stores of a gateway, by name. As a rule each is opened and closed with its line; one that is held stays open while
 * its route is restarted, so that the next line goes on with what the former knew.
 */
export class Stores {
  readonly #open = new Map<string, Entry>()

  /** The open one with equal options, else a new one; dispose of it to give it back. Throws what opening throws. */
  async use(factory: StoreFactory, options: unknown, context: StoreContext): Promise<Store> {
    const { name } = context
    const identity = digest([options, context.maxKeys])
    let entry = this.#open.get(name)
    if (entry?.factory !== factory || entry.digest !== identity) {
      entry = { factory, digest: identity, store: await factory.open(options, context), users: 0 }
      this.#open.set(name, entry)
    }
    return lent(entry.store, this.#lease(name, entry))
  }

  /** Keeps the stores of a route open that are open now, until it is disposed of. */
  hold(route: string): AsyncDisposable {
    const leases = [...this.#open]
      .filter(([name]) => name === route || name.startsWith(`${route}:`))
      .map(([name, entry]) => this.#lease(name, entry))
    return {
      async [Symbol.asyncDispose]() {
        for (const give of leases) await give()
      },
    }
  }

  #lease(name: string, entry: Entry): () => Promise<void> {
    entry.users++
    let given = false
    return async () => {
      if (given) return
      given = true
      if (--entry.users > 0) return
      if (this.#open.get(name) === entry) this.#open.delete(name)
      await entry.store[Symbol.asyncDispose]()
    }
  }
}

// What a store cannot do is absent, which callers look at.
function lent(store: Store, give: () => Promise<void>): Store {
  const { inDoubt, readNote, writeNote } = store
  return {
    claim: (keys, leaseMs) => store.claim(keys, leaseMs),
    confirm: (keys, rememberMs) => store.confirm(keys, rememberMs),
    forget: keys => store.forget(keys),
    ...(inDoubt && { inDoubt: () => inDoubt.call(store) }),
    ...(readNote && { readNote: () => readNote.call(store) }),
    ...(writeNote && { writeNote: text => writeNote.call(store, text) }),
    [Symbol.asyncDispose]: give,
  }
}
