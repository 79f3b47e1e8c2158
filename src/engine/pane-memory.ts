import { asSluiceError } from '../core/errors.ts'
import type { Claim, Store } from '../core/ports.ts'
import { type Asking, untilAnswered } from './asking.ts'
import { complete } from './dedup.ts'
import { type NotedPane, packPanes, unpackPanes } from './pane-note.ts'

export interface PaneMemoryOptions extends Asking {
  readonly store: Store
  /** How long what left is remembered, in ms. */
  readonly remember: number
  /** How long a claim is ours should this process die and another one share the store, in ms. */
  readonly lease: number
}

/**
 * What windows hold and have left, in a store. The note of the store has every pane between its making and its confirm, as
 * it is published: a journal of what is under way. A store without notes still tells copies while its process lives.
 */
export class PaneMemory {
  readonly #options: PaneMemoryOptions
  readonly #signal: AbortSignal
  readonly #underWay = new Set<NotedPane>()
  #left: { readonly pane: NotedPane; readonly resolve: (done: boolean) => void }[] = []
  #writing: Promise<boolean> = Promise.resolve(true)
  #noted = false

  constructor(options: PaneMemoryOptions, signal: AbortSignal) {
    this.#options = options
    this.#signal = signal
  }

  /** Panes that a killed process noted and did not see confirmed; their messages are claimed again. Throws STORE_AWAY. */
  async begin(): Promise<readonly NotedPane[]> {
    const { store, lease } = this.#options
    const doubts = (await store.inDoubt?.()) ?? []
    const panes: NotedPane[] = []
    for (const pane of await this.#readNote()) {
      const [claim] = await store.claim([pane.key], lease)
      if (claim === 'done') continue
      await store.claim(pane.members, lease)
      panes.push(pane)
    }
    const wanted = new Set(panes.flatMap(pane => [pane.key, ...pane.members]))
    await store.forget(doubts.map(({ key }) => key).filter(key => !wanted.has(key)))
    for (const pane of panes) this.#underWay.add(pane)
    this.#noted = panes.length > 0
    return panes
  }

  async #readNote(): Promise<readonly NotedPane[]> {
    const text = await this.#options.store.readNote?.()
    if (text === undefined) return []
    try {
      return unpackPanes(text)
    } catch (error) {
      throw asSluiceError(error, 'STORE_AWAY')
    }
  }

  /** One answer per key; undefined = the route stops. */
  async claim(keys: readonly string[]): Promise<readonly Claim[] | undefined> {
    if (keys.length === 0) return []
    const { store, lease } = this.#options
    return (await this.#ask(async () => complete(await store.claim(keys, lease), keys.length)))?.value
  }

  async forget(keys: readonly string[]): Promise<boolean> {
    return (await this.#ask(() => this.#options.store.forget(keys))) !== undefined
  }

  /** Notes panes that are about to be published. Durable when it resolves; false = the route stops. */
  note(panes: readonly NotedPane[]): Promise<boolean> {
    for (const pane of panes) this.#underWay.add(pane)
    return this.#write()
  }

  /** Remembers a pane that the target has, and all that is in it. Durable when it resolves; false = the route stops. */
  confirm(pane: NotedPane): Promise<boolean> {
    return new Promise(resolve => {
      this.#left.push({ pane, resolve })
      if (this.#left.length === 1) queueMicrotask(() => void this.#confirmAll())
    })
  }

  // What is confirmed in one tick goes to the store together.
  async #confirmAll(): Promise<void> {
    const left = this.#left
    this.#left = []
    const { store, remember } = this.#options
    const keys = left.flatMap(({ pane }) => [...pane.members, pane.key])
    const done = (await this.#ask(() => store.confirm(keys, remember))) !== undefined
    if (done) for (const { pane } of left) this.#underWay.delete(pane)
    for (const { resolve } of left) resolve(done)
    if (done && this.#underWay.size === 0 && this.#noted) await this.#write()
  }

  /** The pane is put aside: its messages may come again and be counted, under another number. */
  async giveUp(pane: NotedPane): Promise<boolean> {
    const { store, remember } = this.#options
    if ((await this.#ask(() => store.confirm([pane.key], remember))) === undefined) return false
    if (pane.members.length > 0 && !(await this.forget(pane.members))) return false
    this.#underWay.delete(pane)
    return true
  }

  // One note after the other: an older one must not overwrite a newer one.
  #write(): Promise<boolean> {
    const { store } = this.#options
    if (store.writeNote === undefined) return Promise.resolve(true)
    this.#writing = this.#writing.then(async () => {
      const text = packPanes(this.#underWay)
      this.#noted = text !== ''
      return (await this.#ask(() => store.writeNote!(text))) !== undefined
    })
    return this.#writing
  }

  #ask<T>(call: () => Promise<T>): Promise<{ readonly value: T } | undefined> {
    return untilAnswered(call, this.#options, this.#signal)
  }
}
