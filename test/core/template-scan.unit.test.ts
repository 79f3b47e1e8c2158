import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { scanTemplate } from '../../src/core/template-scan.ts'

const codes = (text: string): unknown => {
  const parts = scanTemplate(text)
  return 'offset' in parts ? parts : parts.map(part => (typeof part === 'string' ? part : { code: part.code }))
}

describe('a template', () => {
  it.each([
    ['', ['']],
    ['plain $ { } text', ['plain $ { } text']],
    ['${a}', [{ code: 'a' }]],
    ['x${a}y${b}', ['x', { code: 'a' }, 'y', { code: 'b' }]],
    ['$${a} ${b}', ['${a} ', { code: 'b' }]],
    ['cost: $${x} and $5', ['cost: ${x} and $5']],
    ['${ {"a": 1}["a"] }', [{ code: ' {"a": 1}["a"] ' }]],
    ['${"}"}${\'}\'}', [{ code: '"}"' }, { code: "'}'" }]],
    ['${"\\"}"}', [{ code: '"\\"}"' }]],
    ['${"""a"}b"""}', [{ code: '"""a"}b"""' }]],
    ['${a // }\n}', [{ code: 'a // }\n' }]],
    ['${[1, {"b": (2)}]}', [{ code: '[1, {"b": (2)}]' }]],
  ])('%j is cut into %j', (text, parts) => {
    expect(codes(text)).toEqual(parts)
  })

  it.each([
    ['${', 0, /no closing \}/],
    ['ab ${a', 3, /no closing \}/],
    ['a ${b} ${', 7, /no closing \}/],
    ['${}', 0, /empty/],
    ['x ${  }', 2, /empty/],
    ['${"abc}', 2, /string that begins with "/],
    ["${'a\\'}", 2, /string that begins with '/],
    ['${(1]}', 4, /expected \)/],
    ['${1)}', 3, /\) too many/],
    ['${(1}', 4, /expected \)/],
    ['${a // b}', 4, /comment/],
  ])('%j is wrong at %d', (text, offset, words) => {
    const problem = scanTemplate(text)
    expect(problem).toMatchObject({ offset, message: expect.stringMatching(words) })
  })

  it('without ${ is the text itself (property)', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), text => {
        fc.pre(!text.includes('${'))
        expect(scanTemplate(text)).toEqual([text])
      }),
    )
  })

  it('gives offsets that lead back into the text, and never throws (property)', () => {
    const bits = fc.constantFrom('${', '$${', '}', '{', '"', "'", '\\', 'a', ' ', '(', ')', '//', '\n', '"""')
    fc.assert(
      fc.property(fc.array(bits, { maxLength: 20 }), pieces => {
        const text = pieces.join('')
        const parts = scanTemplate(text)
        if ('offset' in parts) {
          expect(parts.offset).toBeGreaterThanOrEqual(0)
          expect(parts.offset).toBeLessThan(text.length)
          return
        }
        for (const part of parts)
          if (typeof part !== 'string') expect(text.slice(part.offset, part.offset + part.code.length)).toBe(part.code)
      }),
    )
  })
})
