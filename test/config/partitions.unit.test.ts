import { expect, test } from 'vitest'
import { check } from '../../src/config/check.ts'
import { Source } from '../../src/config/source.ts'
import { testRegistry } from './registry.ts'

const registry = await testRegistry()

function warnings(from: string, order: string, to = 'topic: t') {
  const text = `version: 1
connections:
  r: { url: "amqp://localhost" }
  k: { url: "kafka://localhost" }
routes:
  orders:
    from: { connection: r, queue: q, ${from} }
    to: { connection: k, ${to} }
    ${order}
`
  const checked = check(new Source('routes.yaml', text), {
    registry,
    baseDir: '.',
    sources: { env: {}, readFile: () => '' },
  })
  return checked.problems.map(({ severity, path, message }) => `${severity} ${path}: ${message}`)
}

test.each([
  ['partitions: 8', 'order: { by: "${subject}" }'],
  ['partitions: 8, partitionBy: { header: user_id }', 'order: { by: "${headers.user_id}" }'],
  ['partitions: 8, partitionBy: { header: user_id }', `order: { by: "\${headers['user_id']}" }`],
  ['partitions: 8, partitionBy: { header: user-id }', `order: { by: "\${headers['user-id']}" }`],
  ['partitions: 8, partitionBy: { header: user_id }', 'order: { by: "${headers.user_id}/${headers.cart}" }'],
  ['partitions: 8, partitionBy: { property: message_id }', 'order: { by: "${id}" }'],
  ['partitions: 8, partitionBy: { property: correlation_id }', 'order: { by: "${headers.c}" }'],
  ['partitions: 8', 'order: none'],
  ['prefetch: 8', 'order: { by: "${headers.user_id}" }'],
])('%s with %s is fine', (from, order) => {
  expect(warnings(from, order)).toEqual([])
})

test('an order by something else than the partitions is pointed out', () => {
  const said = warnings('partitions: 8', 'order: { by: "${headers.user_id}" }')
  expect(said).toEqual([
    expect.stringMatching(/^warning routes\.orders\.order\.by: the route orders by headers\.user_id, .*by subject/),
  ])
})

test("so is the order by the target's key, and by a key that messages rarely have", () => {
  expect(warnings('partitions: 8', '', 'topic: t, key: "${headers.user_id}"')).toEqual([
    expect.stringMatching(/^warning routes\.orders\.from\.partitions: the route orders by headers\.user_id/),
  ])
  expect(warnings('partitions: 8', '')).toEqual([expect.stringMatching(/orders by key, .*by subject/)])
})
