import { expect } from 'vitest'
import { type Account, account } from '../streams/account.ts'
import { type Outgoing, until } from '../streams/ends.ts'
import type { Stage } from './stage.ts'

export interface Verdict extends Account {
  /** Copies beyond the first, all together. */
  readonly copies: number
}

/** Waits until the source owes nothing any more. */
export async function settledUp(stage: Stage, tail: () => string, ms = 300_000): Promise<void> {
  let owed: number | undefined
  await until(
    () => `the source owes nothing; it owes ${owed}. The gateway said:\n${tail()}`,
    async () => (owed = await stage.owed().catch(() => undefined)) === 0,
    ms,
  )
}

/**
 * The count at the target, by an independent consumer, when every gateway is gone. Nothing may be lost, unexpected, altered
 * or out of order by key. Prints one line.
 */
export async function judge(stage: Stage, what: string, sent: readonly Outgoing[]): Promise<Verdict> {
  expect(await stage.owed(), 'the source owes nothing').toBe(0)
  const result = account(sent, await stage.read())
  const copies = [...result.duplicated.values()].reduce((sum, count) => sum + count, 0)
  const figures = {
    acknowledged: result.acknowledged,
    ok: result.ok,
    lost: result.lost.length,
    duplicated: copies,
    recovered: result.recovered.length,
    unexpected: result.unexpected.length,
    'out of order': result.disordered.length,
  }
  const text = Object.entries(figures).map(([name, count]) => `${name} ${count}`)
  console.log(`${stage.options.way}, ${what}: ${text.join(', ')}`)
  expect(result).toMatchObject({ lost: [], recovered: [], unexpected: [], disordered: [], altered: [] })
  return { ...result, copies }
}
