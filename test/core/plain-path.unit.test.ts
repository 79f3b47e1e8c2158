import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compileCel, createEnvironment } from '../../src/core/cel.ts'
import { compileTemplate, evaluateCel } from '../../src/core/expression.ts'
import { MESSAGE_VARIABLES } from '../../src/core/message-scope.ts'
import { plainPath } from '../../src/core/plain-path.ts'
import { effort } from '../effort.ts'
import { message } from './sample.ts'

const ENVIRONMENT = createEnvironment(MESSAGE_VARIABLES)

const code = (source: string) => {
  const compiled = compileCel(source, ENVIRONMENT, MESSAGE_VARIABLES)
  if ('message' in compiled) throw new Error(compiled.message)
  return compiled
}

const outcome = (work: () => unknown): unknown => {
  try {
    return { value: work() }
  } catch (error) {
    const { code: name, message: words } = error as { code: string; message: string }
    return { name, words }
  }
}

const NAMES = ['a', 'b', 'c d', 'constructor', '__proto__', 'toString', 'length']
const name = fc.constantFrom(...NAMES)
const step = fc.oneof(
  name.map(key => `[${JSON.stringify(key)}]`),
  fc.constantFrom('.a', '.b', '.constructor', '.__proto__', '.length', '[0]', '[1]', '[7]'),
)
const path = fc.oneof(
  fc
    .tuple(fc.constantFrom('body', 'headers', 'key'), fc.array(step, { maxLength: 4 }))
    .map(([root, steps]) => root + steps.join('')),
  fc.constantFrom('id', 'subject', 'timestamp', 'source.attempt', 'properties.userId', 'properties["timestamp"]'),
)

const tree = fc.letrec(tie => ({
  node: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom(null, true, 0, 1.5, 'text', ''),
    fc.array(tie('node'), { maxLength: 3 }),
    fc.dictionary(name, tie('node'), { maxKeys: 4 }),
  ),
})).node

describe('the fast path for plain paths', () => {
  it('is taken for paths, and for nothing else', () => {
    expect(plainPath(code('headers["x"].a[0]').ast)?.steps.map(({ key }) => key)).toEqual(['x', 'a', 0])
    expect(plainPath(code('id').ast)).toEqual({ root: 'id', steps: [] })
    for (const other of ['body.a + 1', 'body[headers.x]', 'body.?a', 'has(body.a)', '"a"', 'body.a[-1]', 'body[1.0]'])
      expect(plainPath(code(other).ast)).toBeUndefined()
  })

  it('gives the value or the error that CEL gives (property)', () => {
    const headers = fc.array(fc.tuple(name, fc.oneof(fc.string(), fc.integer(), fc.constant(null))))
    const key = fc.oneof(fc.constant(null), fc.string(), fc.uint8Array().map(Buffer.from))
    fc.assert(
      fc.property(path, tree, headers, key, (source, body, list, id) => {
        const one = message({ body, headers: list, key: id, properties: { timestamp: 5n } })
        const compiled = code(source)
        expect(plainPath(compiled.ast)).toBeDefined()
        const fast = outcome(() => compileTemplate(`\${${source}}`).evaluate(one))
        const slow = outcome(() => evaluateCel(compiled, new Set(compiled.reads) as never, one))
        expect(fast).toEqual(slow)
      }),
      { numRuns: effort(2_000) },
    )
  })
})
