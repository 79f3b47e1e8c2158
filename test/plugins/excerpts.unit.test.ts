import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '../..')
const page = readFileSync(join(root, 'docs/plugins.md'), 'utf8')
const excerpts = [...page.matchAll(/<!-- from: (\S+) -->\n```\w+\n([\s\S]*?)\n```/g)].map(
  ([, file, text]) => [file!, text!] as const,
)

test('docs/plugins.md is about real code', () => {
  expect(excerpts.length).toBeGreaterThan(5)
})

// Lines that say `// …` stand for what is left out.
test.each(excerpts)('%s has the lines that docs/plugins.md shows of it', (file, text) => {
  const code = readFileSync(join(root, file), 'utf8')
  let from = 0
  for (const part of text.split(/^ *\/\/ …\n/m)) {
    const lines = part.replace(/\n$/, '')
    const at = code.indexOf(lines, from)
    expect(at, `these lines, behind the ones before, in ${file}:\n${lines}`).toBeGreaterThanOrEqual(0)
    from = at + lines.length
  }
})

test('an excerpt names its file', () => {
  const untold = [...page.matchAll(/^(.*)\n```ts\n/gm)].filter(([, before]) => !/^<!-- (from|file): /.test(before!))
  expect(untold, 'only the call of the conformance suite stands alone').toHaveLength(1)
})
