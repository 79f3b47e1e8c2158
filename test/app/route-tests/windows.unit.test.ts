import { expect, test } from 'vitest'
import { command, folder } from '../../cli/sluice.ts'

const ROUTES = `version: 1
connections: { a: { url: "memory://a" } }
routes:
  batches:
    from: { connection: a, address: in }
    transform: [{ batch: { count: 2, every: 1m } }]
    to: { connection: a, address: out }
  counts:
    from: { connection: a, address: in }
    transform: [{ window: { every: 1m, aggregate: { count: true } } }]
    to: { connection: a, address: out }
  events:
    from: { connection: a, address: in }
    transform: [{ window: { every: 1m, time: "\${body.at}", lateness: 0s, late: drop, aggregate: { count: true } } }]
    to: { connection: a, address: out }
`

const run = (cases: typeof CASES) => {
  const tests = cases.map(([name, route, given, expected]) => ({ name, route, given, expected }))
  const lines = tests.map(
    one => `- { name: "${one.name}", route: ${one.route}, given: ${one.given}, expect: ${one.expected} }`,
  )
  const text = `version: 1\ntests:\n${lines.join('\n')}\n`
  return command(['test'], folder({ 'routes.yaml': ROUTES, 'routes.test.yaml': text }))
}

const AT = ['2026-01-01T00:00:10Z', '2026-01-01T00:00:50Z', '2026-01-01T00:01:10Z', '2026-01-01T00:00:20Z']
const events = AT.map(at => `{ body: { at: "${at}" } }`)

const CASES: readonly (readonly [what: string, route: string, given: string, expected: string])[] = [
  [
    'a full batch leaves, the rest at the end',
    'batches',
    '[{ body: 1 }, { body: 2 }, { body: 3 }]',
    '{ messages: [{ body: [1, 2] }, { body: [3] }] }',
  ],
  [
    'a batch leaves when its time is over',
    'batches',
    '[{ body: 1 }, { advance: 2m }, { body: 2 }]',
    '{ messages: [{ body: [1] }, { body: [2] }] }',
  ],
  [
    'a batch stays while its time is not over',
    'batches',
    '[{ body: 1 }, { advance: 30s }, { body: 2 }]',
    '{ messages: [{ body: [1, 2] }] }',
  ],
  [
    'a window closes as time passes',
    'counts',
    '[{ body: 1 }, { body: 1 }, { advance: 2m }, { body: 1 }]',
    '{ messages: [{ body: { count: 2 } }, { body: { count: 1 } }] }',
  ],
  [
    'a window closes as events go on, and what is late is dropped',
    'events',
    `[${events.slice(0, 3)}, { advance: 1s }, ${events[3]}]`,
    '{ messages: [{ body: { count: 2 } }, { body: { count: 1 } }], late: 1 }',
  ],
]

test('batches and windows close by size, by time that passes, by events, and at the end', async () => {
  const { code, stdout } = await run(CASES)
  expect(stdout).not.toContain('failed  ')
  expect(stdout).toMatch(new RegExp(`${CASES.length} passed, 0 failed`))
  expect(code).toBe(0)
})

test('the clocks of the process are as before', async () => {
  const before = [Date.now, performance.now]
  await run([['it', 'batches', '[{ body: 1 }, { advance: 1d }]', '{ messages: [{}] }']])
  expect([Date.now, performance.now]).toEqual(before)
  expect(Object.is(Date.now, before[0])).toBe(true)
})
