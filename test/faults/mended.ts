import { expect } from 'vitest'
import { expectExactly, messages } from '../streams/account.ts'
import { type SourceEnd, type TargetEnd, until } from '../streams/ends.ts'
import { fill, RunningGateway } from '../streams/gateway.ts'

/** A password of a refused end. */
export const secret = 'a-password-nobody-may-see'

/** An end that is refused, what the route says of it, and what an operator does about it at the broker. */
export interface Refusal {
  readonly end: 'from' | 'to'
  readonly connection: object
  readonly code: string
  readonly says: RegExp
  readonly secret?: string
  /** Both ends are on this connection, exactly once. */
  readonly tied?: boolean
  mend(): Promise<unknown>
}

const TEMPLATE = `
version: 1
admin: false
plugins: []
connections:
  source: { $SOURCE }
  target: { $TARGET }
  graveyard: { $GRAVEYARD }
routes:
  refused:
    from: { connection: source, $FROM }
    to: { connection: target, $TO }
    order: { by: "\${headers.key}" }
    retry: { attempts: 2, backoff: { initial: 50ms, max: 500ms } }
    deadLetter: { connection: graveyard, $DEAD }
`

const TIED = `${TEMPLATE.replace('  source: { $SOURCE }\n', '').replace('connection: source', 'connection: target')}
    delivery: exactly-once
`

/** The route stands still, says why, drops nothing, and goes on by itself when the broker's side is mended. */
export async function expectMended(
  ends: { readonly source: SourceEnd; readonly target: TargetEnd; readonly dead: TargetEnd },
  { end, connection, code, says, secret, tied = false, mend }: Refusal,
): Promise<void> {
  const { source, target, dead } = ends
  const all = messages({ count: 300, keys: 10 })
  await source.send(all.slice(0, 200))
  await using gateway = await RunningGateway.start(
    fill(tied ? TIED : TEMPLATE, {
      SOURCE: end === 'from' ? connection : source.connection,
      TARGET: end === 'to' ? connection : target.connection,
      GRAVEYARD: dead.connection,
      FROM: source.from,
      TO: target.to,
      DEAD: dead.to,
    }),
  )
  const part = end === 'from' ? 'source' : 'target'
  await gateway.until('it is blocked and says why', ({ state, conditions }) =>
    Boolean(state === 'blocked' && conditions.some(one => one.part === part && one.code === code)),
  )
  const told = gateway.lines.find(line => line.includes(`${part}:`))
  expect(told).toMatch(says)
  if (secret !== undefined) expect(gateway.lines.join('\n')).not.toContain(secret)
  await source.send(all.slice(200))
  expect(gateway.route).toMatchObject({ state: 'blocked', settled: 0 })
  await mend()
  await gateway.settled(300)
  expect(gateway.lines.filter(line => line.includes(`${part} is back`)).length).toBe(1)
  await gateway.stop()
  // The last record of a transaction is its end, which no witness gets to see, and what it made visible comes a moment later.
  if (tied) await until('everything has arrived', () => target.arrived.length >= all.length)
  expectExactly(all, tied ? target.arrived : await target.drain())
  expect(await dead.drain()).toEqual([])
}
