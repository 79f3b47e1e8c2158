import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { command, folder } from '../cli/sluice.ts'

const root = join(import.meta.dirname, '../..')
const page = readFileSync(join(root, 'README.md'), 'utf8')

test('the commands of the README are there', async () => {
  const commands = [...page.matchAll(/npx sluice (\w+)/g)].map(([, name]) => name!)
  expect(commands).toEqual(expect.arrayContaining(['run', 'check', 'dlq', 'schema']))
  for (const name of commands) expect((await command([name, '--help'], folder())).code).toBe(0)
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: object }
  const wanted = [...page.matchAll(/npm run (\w+)/g)].map(([, name]) => name!)
  expect(wanted.filter(name => !(name in scripts))).toEqual([])
})
