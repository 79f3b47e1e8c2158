import { describe, expect, test } from 'vitest'
import type { Path } from '../../src/config/problem.ts'
import { MAX_BYTES, Source } from '../../src/config/source.ts'

const TEXT = `version: 1
connections: &both
  shop: { url: "amqp://localhost" }
  log:
    url: 'kafka://localhost'
defaults: &patient
  retry: { attempts: 3 }
routes:
  orders:
    <<: *patient
    filter: >-
      \${body.total > 10 &&
        headers.kind == "a"}
  copy: *patient
`

function placeOf(
  path: Path,
  options: { atKey?: boolean; within?: { text: string; offset: number; width: number } } = {},
) {
  const { line, col, width } = new Source('x.yaml', TEXT).problem({ path, message: 'm', ...options })
  return `${line}:${col}+${width}`
}

describe('the place of a problem', () => {
  test('is the value, or the key where that is asked for', () => {
    expect(placeOf(['connections', 'shop', 'url'])).toBe('3:16+18')
    expect(placeOf(['connections', 'shop', 'url'], { atKey: true })).toBe('3:11+3')
  })

  test('is the key of a mapping, which has no place of its own', () => {
    expect(placeOf(['routes', 'orders'])).toBe('9:3+6')
  })

  test('is the key of what should hold a missing value', () => {
    expect(placeOf(['routes', 'orders', 'to', 'topic'])).toBe('9:3+6')
    expect(placeOf(['nowhere'])).toBe('1:1+10')
  })

  test('is in the anchor for a value that comes by an alias or a merge', () => {
    expect(placeOf(['routes', 'orders', 'retry', 'attempts'])).toBe('7:22+1')
    expect(placeOf(['routes', 'copy', 'retry', 'attempts'])).toBe('7:22+1')
  })

  test('is inside the value, also where YAML folds lines', () => {
    const text = '${body.total > 10 && headers.kind == "a"}'
    const within = { text, offset: text.indexOf('headers'), width: 7 }
    expect(placeOf(['routes', 'orders', 'filter'], { within })).toBe('13:9+7')
  })
})

describe('a hostile file', () => {
  test.each([
    ['is too large', `# ${'x'.repeat(MAX_BYTES)}\n`, /larger than 1 MiB/],
    ['nests without end', `${'{a: '.repeat(50_000)}`, /nested too deeply/],
    ['nests in blocks', Array.from({ length: 1_000 }, (_, i) => `${' '.repeat(i)}a:`).join('\n'), undefined],
    ['expands without end', bomb(), /expanded/],
    [
      'has one anchor that is large and used often',
      `a: &a [${'x, '.repeat(2_000)}x]\nb: [${'*a, '.repeat(200)}*a]\n`,
      /expanded/,
    ],
  ])('that %s is read in bounded time', (_, text, message) => {
    const began = performance.now()
    const { problems } = new Source('x.yaml', text)
    expect(performance.now() - began).toBeLessThan(5_000)
    if (message !== undefined) expect(problems[0]?.message).toMatch(message)
  })

  test('with a key named __proto__ changes no prototype', () => {
    const { value } = new Source('x.yaml', '__proto__: { polluted: true }\nconstructor: 1\n')
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
    expect(Object.keys(value as object)).toEqual(['__proto__', 'constructor'])
  })
})

test('a byte order mark and Windows line ends are no problem', () => {
  const source = new Source('x.yaml', '\ufeffversion: 1\r\nroutes:\r\n  a: 1\r\n')
  expect(source.problems).toEqual([])
  expect(source.problem({ path: ['routes', 'a'], message: 'm' })).toMatchObject({ line: 3, col: 6, width: 1 })
})

function bomb(): string {
  const lines = ['a: &a [x, x, x, x, x, x, x, x, x, x]']
  for (const [last, next] of ['ab', 'bc', 'cd', 'de', 'ef', 'fg', 'gh'])
    lines.push(`${next}: &${next} [${Array(10).fill(`*${last}`).join(', ')}]`)
  return `${lines.join('\n')}\n`
}
