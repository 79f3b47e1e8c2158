import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { README, withTable } from './readme.ts'

test('the table of brokers in README.md is what `npm run docs` writes now', () => {
  const page = readFileSync(README, 'utf8')
  expect(page).toBe(withTable(page))
})
