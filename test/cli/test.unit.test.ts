import { describe, expect, test } from 'vitest'
import { command, folder } from './sluice.ts'

const ROUTES = `version: 1
connections:
  shop: { url: "amqp://\${env.USER_NAME}:\${file('/run/secrets/nowhere')}@nowhere" }
  log: { url: "kafka://nowhere" }
routes:
  orders:
    from: { connection: shop, queue: orders }
    transform:
      - filter: \${body.total > 0}
      - set: { headers: { region: "\${body.region}" }, body: { total: "\${body.total}", items: "\${body.items}" } }
    to: { connection: log, topic: "shop.\${headers.region}", key: "\${headers.user}", maxMessageBytes: 1KiB }
    deadLetter: { connection: shop, queue: orders.dead }
    dedup: { by: "\${id}", window: 10m, store: file }
  strict:
    from: { connection: log, topic: strict, group: g }
    to: { connection: shop, exchange: all }
    transform: [{ filter: "\${body.total > 0}" }]
`
const ORDER = 'headers: { user: u-1 }, body: { total: 3, region: eu, items: [1, 2] }'

const run = (tests: string, args: readonly string[] = [], extra: Record<string, string> = {}) => {
  const text = `version: 1\nenv: { USER_NAME: me }\nroute: orders\ntests:\n${tests.replace(/^/gm, '  ')}\n`
  return command(['test', ...args], folder({ 'routes.yaml': ROUTES, 'routes.test.yaml': text, ...extra }))
}

/** One test with this on both sides. */
const one = (given: string, expected: string, route = 'orders') =>
  run(`- { name: it, route: ${route}, given: ${given}, expect: ${expected} }`)

describe('sluice test', () => {
  test('passes without a broker, a secret or a dedup folder, and says so', async () => {
    const { code, stdout } = await one(`{ ${ORDER} }`, '{ messages: [{ key: u-1, to: { topic: shop.eu } }] }')
    expect(stdout.replace(/\(\d+ ms\)/, '()')).toBe('routes.test.yaml\n  ok      orders: it ()\n1 passed, 0 failed\n')
    expect(code).toBe(0)
  })

  test('shows each difference with its path, line and both values, and exits 1', async () => {
    const { code, stdout } = await run(`- name: it
  given: { ${ORDER} }
  expect:
    messages:
      - key: u-2
        body: { total: 3, items: [1, 3] }
        headers:
          region: us
          trace: t-1`)
    expect(stdout).toBe(`routes.test.yaml
  failed  orders: it  routes.test.yaml:5:11
    messages[0].key (line 9)
      - expected  "u-2"
      + got       "u-1"
    messages[0].body.items[1] (line 10)
      - expected  3
      + got       2
    messages[0].headers.region (line 12)
      - expected  "us"
      + got       "eu"
    messages[0].headers.trace (line 13)
      - expected  "t-1"
      + got       nothing
0 passed, 1 failed
`)
    expect(code).toBe(1)
  })

  test('says of each failure what is wrong', async () => {
    const cases: readonly (readonly [what: string, given: string, expected: string, report: RegExp])[] = [
      [
        'a message that was not expected',
        `{ ${ORDER} }`,
        'nothing',
        /messages\[0\].*\n.*expected {2}nothing\n.*got .*"total":3.*"topic":"shop.eu"/,
      ],
      [
        'a message that does not come',
        '{ headers: { user: u }, body: { total: 0 } }',
        '{ messages: [{}] }',
        /messages\[0\].*\n.*expected {2}\{\}\n.*got {7}nothing/,
      ],
      [
        'a dead letter that was not expected',
        '{ headers: { user: u }, text: "x" }',
        'nothing',
        /deadLetters\[0\].*\n.*\n.*BODY_INVALID.*orders\.dead/,
      ],
      [
        'another reason',
        '{ headers: { user: u }, text: "x" }',
        '{ deadLetters: [LOOP] }',
        /"LOOP"\n.*"BODY_INVALID: the body/,
      ],
      ['a wrong count', '{ headers: { user: u }, body: { total: 0 } }', '{ filtered: 2 }', /filtered .*\n.*2\n.*1\n/],
      [
        'a wrong order',
        `[{ id: a, ${ORDER} }, { id: b, ${ORDER} }]`,
        '{ messages: [{ id: b }, { id: a }] }',
        /"b"\n.*"a"/,
      ],
      [
        'a field too many under exact',
        `{ ${ORDER} }`,
        '{ messages: [{ body: { total: 3 }, exact: true }] }',
        /body\.items.*\n.*nothing\n.*\[1,2\]/,
      ],
      [
        'an expression that is false',
        `{ ${ORDER} }`,
        '{ messages: [{ where: "${body.total > 3}" }] }',
        /body\.total > 3\} is false/,
      ],
      [
        'a header that should not be there',
        `{ ${ORDER} }`,
        '{ messages: [{ headers: { region: null } }] }',
        /null\n.*"eu"/,
      ],
      [
        'a topic',
        `{ ${ORDER} }`,
        '{ messages: [{ to: { topic: shop.us } }] }',
        /to\.topic.*\n.*"shop.us"\n.*"shop.eu"/,
      ],
    ]
    const tests = cases.map(([what, given, expected]) => `- { name: ${what}, given: ${given}, expect: ${expected} }`)
    const { code, stdout } = await run(tests.join('\n'))
    expect(stdout).toMatch(new RegExp(`0 passed, ${cases.length} failed`))
    const reports = stdout.split('  failed  ').slice(1)
    cases.forEach(([what, , , report], at) => {
      expect(reports[at]).toContain(`: ${what}`)
      expect(reports[at]).toMatch(report)
    })
    expect(code).toBe(1)
  })

  test('passes over limits of the target, copies and time', async () => {
    const cases: readonly (readonly [what: string, given: string, expected: string])[] = [
      [
        'a size the target does not take',
        `{ headers: { user: u }, body: { total: 1, region: eu, items: "${'x'.repeat(1_200)}" } }`,
        '{ deadLetters: [{ reason: TOO_LARGE, stage: publish }] }',
      ],
      [
        'an address the target does not take',
        '{ headers: { user: u }, body: { total: 1, region: "e u", items: [] } }',
        '{ deadLetters: [MESSAGE_REFUSED] }',
      ],
      [
        'a key that cannot be computed',
        '{ id: x, body: { total: 1 } }',
        '{ deadLetters: [{ reason: EXPRESSION_FAILED, id: x, to: { queue: orders.dead } }] }',
      ],
      ['a copy', `[{ id: a, ${ORDER} }, { id: a, ${ORDER} }]`, '{ messages: [{ id: a }], deduplicated: 1 }'],
      [
        'a copy after the window',
        `[{ id: a, ${ORDER} }, { advance: 11m }, { id: a, ${ORDER} }]`,
        '{ messages: [{}, {}], deduplicated: 0 }',
      ],
      [
        'a copy within the window',
        `[{ id: a, ${ORDER} }, { advance: 9m }, { id: a, ${ORDER} }]`,
        '{ messages: [{}], deduplicated: 1 }',
      ],
      ['any order', `[{ id: a, ${ORDER} }, { id: b, ${ORDER} }]`, '{ messages: [{ id: b }, { id: a }], order: any }'],
      ['a body as bytes', '{ headers: { user: u }, base64: AAE= }', '{ deadLetters: [{ reason: BODY_INVALID }] }'],
    ]
    const tests = cases.map(([what, given, expected]) => `- { name: ${what}, given: ${given}, expect: ${expected} }`)
    const { code, stdout } = await run(tests.join('\n'))
    expect(stdout).not.toContain('failed  ')
    expect(stdout).toMatch(new RegExp(`${cases.length} passed, 0 failed`))
    expect(code).toBe(0)
  })

  test('without a dead letter a message blocks its key, and what is behind it waits', async () => {
    const given = '[{ key: a, text: x }, { key: a, body: { total: 1 } }, { key: b, subject: s, body: { total: 2 } }]'
    const { code, stdout } = await one(
      given,
      '{ blocked: BODY_INVALID, messages: [{ body: { total: 2 }, to: { routingKey: s, exchange: all } }] }',
      'strict',
    )
    expect(stdout).toMatch(/1 passed/)
    expect(code).toBe(0)
    const wrong = await one(given, '{ messages: [{}, {}] }', 'strict')
    expect(wrong.stdout).toMatch(/blocked.*\n.*nothing\n.*BODY_INVALID: message message-1 blocks its key/)
    expect(wrong.stdout).toMatch(/messages\[1\].*\n.*\{\}\n.*nothing/)
  })

  test('with --route runs only its tests, and refuses one without any', async () => {
    const tests = `- { name: a, given: { ${ORDER} }, expect: nothing }\n- { name: b, route: strict, given: { body: { total: 0 } }, expect: nothing }`
    expect((await run(tests, ['--route', 'strict'])).stdout).toMatch(/strict: b .*\n1 passed, 0 failed/)
    const none = await run(tests, ['--route', 'other'])
    expect([none.code, none.stderr]).toEqual([2, expect.stringContaining('there is no test of a route "other"')])
  })

  test('shows every problem of a file at its place and exits 2', async () => {
    const { code, stdout } = await run(`- { name: a, given: { boddy: 1 }, expect: nothing }
- { name: b, given: { body: 1 }, expect: { mesages: [] } }
- { name: c, given: [{ advance: soon }], expect: nothing }`)
    expect(stdout).toMatch(
      /routes\.test\.yaml:5:\d+ error: there is no option "boddy" in given\n.*\n.*\^\n {2}hint: Did you mean "body"\?/,
    )
    expect(stdout).toMatch(/Did you mean "messages"\?/)
    expect(stdout).toMatch(/routes\.test\.yaml:7:\d+ error/)
    expect(stdout).toMatch(/0 passed, 0 failed, 1 file not run/)
    expect(code).toBe(2)
  })

  test.each([
    ['{ body: 1, text: x }', 'nothing', 'orders', /a message has one body, and here are body and text/],
    ['{ timestamp: noon }', 'nothing', 'orders', /"noon" is no time/],
    [
      '{}',
      '{ deadLetters: [VALIDATION_FAILD] }',
      'orders',
      /no error code VALIDATION_FAILD\n(.*\n)*.*Did you mean "VALIDATION_FAILED"/,
    ],
    ['{}', '{ messages: [{ where: "${body.}" }] }', 'orders', /error: /],
    ['{}', 'nothing', 'ordrs', /there is no route "ordrs"\n(.*\n)*.*Did you mean "orders"/],
    ['{}', '{ messages: [{ to: { topc: x } }] }', 'orders', /targets of kafka have no option "topc"\n(.*\n)*.*"topic"/],
    ['{}', '{ deadLetters: [LOOP] }', 'strict', /"strict" has no deadLetter/],
    ['{}', '{ blocked: LOOP }', 'orders', /"orders" has a deadLetter/],
  ])('refuses given %s, expect %s, of %s', async (given, expected, route, message) => {
    const { code, stdout } = await one(given, expected, route)
    expect(stdout).toMatch(message)
    expect(code).toBe(2)
  })

  test('a configuration that cannot be used is shown as `sluice check` does', async () => {
    const files = {
      'routes.yaml': 'version: 3\n',
      'routes.test.yaml': 'version: 1\ntests: [{ name: a, route: r, given: {}, expect: nothing }]\n',
    }
    const { code, stdout } = await command(['test'], folder(files))
    expect(stdout).toMatch(/routes\.yaml:1:10 error/)
    expect(code).toBe(2)
  })

  test('without tests says what to write', async () => {
    const { code, stderr } = await command(['test'], folder({ 'routes.yaml': ROUTES }))
    expect([code, stderr]).toEqual([2, expect.stringContaining('there are no tests in')])
  })

  test('a route that cannot be built fails its test with the reason', async () => {
    const plugin = `export default { name: 'p', transforms: [{ name: 'bad', schema: {}, create() { throw new Error('no luck') } }] }`
    const config = ROUTES.replace('- filter: ${body.total > 0}', '- use: bad')
    const dir = folder({
      'routes.yaml': config,
      'plugins/p.mjs': plugin,
      'routes.test.yaml': `version: 1\nenv: { USER_NAME: me }\ntests: [{ name: a, route: orders, given: {}, expect: nothing }]\n`,
    })
    const { code, stdout } = await command(['test'], dir)
    expect(stdout).toMatch(/the route cannot be built: no luck/)
    expect(code).toBe(1)
  })

  test('with --json prints one document', async () => {
    const { code, stdout } = await run(`- { name: a, given: { ${ORDER} }, expect: nothing }`, ['--json'])
    expect(JSON.parse(stdout)).toMatchObject({
      ok: false,
      files: [
        {
          problems: [],
          tests: [{ name: 'a', route: 'orders', line: 5, differences: [{ path: ['expect', 'messages', 0] }] }],
        },
      ],
    })
    expect(code).toBe(1)
  })
})
