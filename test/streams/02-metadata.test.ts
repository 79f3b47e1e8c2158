import { describe, expect, test } from 'vitest'
import { expectExactly, message } from './account.ts'
import { withRabbit3 } from './direction.ts'
import { startRoute } from './plain-route.ts'

// Benthos' definitions 3 and 4. Its metadata are our headers; its `exclude_prefixes` is a `set` that removes by name.
describe.each(withRabbit3)('$name', direction => {
  const headers = { plain: 'value', empty: '', 'With-Case.and_signs': 'a=b; c', unicode: 'Grüße, 世界 🐇' }

  test('3 Metadata: names and values of headers survive', async () => {
    await using lane = await direction.lane()
    const sent = [{ ...message('m1', 'k'), headers }, message('m2', 'k')]
    await lane.source.send(sent)
    await using gateway = await startRoute(lane)
    await gateway.settled(2)
    await gateway.stop()
    await lane.target.read()
    const arrived = await lane.target.drain()
    expectExactly(sent, arrived)
    expect(users(arrived[0]!.headers)).toEqual({ ...headers, key: 'k' })
    expect(users(arrived[1]!.headers)).toEqual({ key: 'k' })
  })

  test('4 MetadataFilter: excluded headers do not cross, and all others do', async () => {
    await using lane = await direction.lane()
    const sent = [{ ...message('m1', 'k'), headers: { ...headers, 'x-secret': '1', 'x-secret-2': '2', 'x-open': '3' } }]
    await lane.source.send(sent)
    await using gateway = await startRoute(
      lane,
      `
    transform: [{ set: { headers: { x-secret: null, x-secret-2: null } } }]
`,
    )
    await gateway.settled(1)
    await gateway.stop()
    await lane.target.read()
    const arrived = await lane.target.drain()
    expectExactly(sent, arrived)
    expect(users(arrived[0]!.headers)).toEqual({ ...headers, 'x-open': '3', key: 'k' })
  })
})

/** Without what Sluice (hops, the carrier's notes) and AMQP (delivery mode and the like) add. */
function users(all: ReadonlyMap<string, string>): Record<string, string> {
  return Object.fromEntries(
    [...all].filter(
      ([name]) => !name.startsWith('sluice-') && !name.startsWith('amqp-') && name !== 'x-delivery-count',
    ),
  )
}
