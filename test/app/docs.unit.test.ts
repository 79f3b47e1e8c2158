import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { composeEverything } from '../../src/app/compose.ts'
import { documents } from '../../src/app/docs.ts'

const generated = documents(await composeEverything())

test.each([...generated.keys()])('%s is what `npm run docs` writes now', path => {
  expect(readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')).toBe(generated.get(path))
})

test('every option of the configuration page has a meaning', () => {
  const rows = generated
    .get('docs/configuration.md')!
    .split('\n')
    .filter(line => line.startsWith('| `'))
  expect(rows.length).toBeGreaterThan(100)
  expect(rows.filter(row => /\|\s+\|$/.test(row))).toEqual([])
})
