import assert from 'node:assert/strict'
import { createHook } from 'node:async_hooks'
import { setImmediate, setTimeout as sleep } from 'node:timers/promises'
import type { Case } from '../case.ts'

export const openClose: Case = {
  number: 1,
  title: 'opens, checks, closes; nothing left open',
  async run(lab) {
    const address = await lab.address()
    using left = new Leftovers()
    {
      await using connection = lab.connect()
      await connection.check(lab.signal)
      await using sink = await lab.sink(address.sink, connection)
      const receiver = await lab.receiver(address, { connection })
      await lab.publish(sink, [lab.message()])
      const [delivery] = await receiver.take(1)
      delivery!.ack()
      await receiver[Symbol.asyncDispose]()
    }
    await left.none(Math.min(5_000, lab.patienceMs))
  },
}

/**
 * What was opened since and is still open. Timers are followed one by one, because the runner has some of its own that come
 * and go; everything else is counted by kind.
 */
class Leftovers implements Disposable {
  readonly #before = counts()
  readonly #timers = new Map<number, NodeJS.Timeout>()
  readonly #hook = createHook({
    init: (id, type, _trigger, resource) => {
      if (type === 'Timeout') this.#timers.set(id, resource as NodeJS.Timeout)
    },
    destroy: id => {
      this.#timers.delete(id)
    },
  }).enable()

  /** Waits for a while until nothing is left: sockets take a moment to close. Throws what is. */
  async none(patienceMs: number): Promise<void> {
    const end = performance.now() + patienceMs
    for (;;) {
      await sleep(20)
      await setImmediate()
      const found = this.#found()
      if (found === '') return
      assert(performance.now() < end, `still open after everything was closed: ${found}`)
    }
  }

  [Symbol.dispose](): void {
    this.#hook.disable()
  }

  #found(): string {
    const more = [...counts()].map(([kind, count]) => [kind, count - (this.#before.get(kind) ?? 0)] as const)
    // Those that do not keep the process alive, such as of AbortSignal.timeout, may run out by themselves.
    const timers = [...this.#timers.values()].filter(timer => timer.hasRef()).length
    const kinds = [...more.filter(([, count]) => count > 0), ['Timeout', timers] as const]
    return kinds
      .filter(([, count]) => count > 0)
      .map(([kind, count]) => `${count} × ${kind}`)
      .join(', ')
  }
}

function counts(): ReadonlyMap<string, number> {
  const kinds = process.getActiveResourcesInfo().filter(kind => kind !== 'Timeout' && kind !== 'Immediate')
  return new Map([...Map.groupBy(kinds, kind => kind)].map(([kind, all]) => [kind, all.length]))
}
