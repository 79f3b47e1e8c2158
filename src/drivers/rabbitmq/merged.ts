/**
 * Several streams as one, in the order in which their items come, each stream in its own order. Ends when all have ended;
 * throws what the first one throws. At most one item of each waits. Whoever leaves early has to end the streams himself.
 */
export class Merged<T> implements AsyncIterable<T> {
  readonly #streams: readonly AsyncIterable<T>[]

  constructor(streams: readonly AsyncIterable<T>[]) {
    this.#streams = streams
  }

  async *[Symbol.asyncIterator](): AsyncIterator<T> {
    const iterators = this.#streams.map(stream => stream[Symbol.asyncIterator]())
    const waiting = new Map<number, Promise<void>>()
    const ready: { readonly from: number; readonly result: IteratorResult<T> }[] = []
    let wake = () => {}
    let failure: { readonly error: unknown } | undefined
    const ask = (from: number) => {
      const asked = iterators[from]!.next().then(
        result => void ready.push({ from, result }),
        error => void (failure ??= { error }),
      )
      waiting.set(
        from,
        asked.finally(() => wake()),
      )
    }
    for (const from of iterators.keys()) ask(from)
    try {
      while (waiting.size > 0) {
        if (failure !== undefined) throw failure.error
        const next = ready.shift()
        if (next === undefined) {
          await new Promise<void>(resolve => {
            wake = resolve
          })
          continue
        }
        waiting.delete(next.from)
        if (next.result.done === true) continue
        ask(next.from)
        yield next.result.value
      }
    } finally {
      for (const iterator of iterators) void iterator.return?.().catch(() => {})
    }
  }
}
