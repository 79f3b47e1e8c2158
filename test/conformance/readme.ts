// Part of npm run docs: writes the table of brokers into README.md.
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { ENTRIES } from './entries.ts'
import { conformanceTable } from './table.ts'

const BEGIN = '<!-- drivers -->'
const END = '<!-- /drivers -->'

export const README = new URL('../../README.md', import.meta.url)

/** The page with the table as it has to be now. Throws an Error when the page has no place for it. */
export function withTable(page: string): string {
  const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)]
  if (begin === -1 || end < begin) throw new Error(`README.md lacks ${BEGIN} … ${END}`)
  return `${page.slice(0, begin)}${BEGIN}\n${conformanceTable(ENTRIES)}\n${page.slice(end)}`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(README, withTable(readFileSync(README, 'utf8')))
  console.log('wrote README.md')
}
