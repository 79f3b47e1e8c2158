import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { runCommandLine } from '../../../src/cli/main.ts'
import { Terminal } from '../../../src/cli/terminal.ts'

const root = join(import.meta.dirname, '../../..')
const files = ['.', 'examples'].flatMap(folder =>
  readdirSync(join(root, folder))
    .filter(name => name.endsWith('.test.yaml'))
    .map(name => join(folder, name)),
)

test('the shipped configuration and the examples have tests', () => {
  expect(files.length).toBeGreaterThan(3)
})

test.each(files)('%s passes', async file => {
  let output = ''
  const terminal = new Terminal({ write: text => (output += text) }, { write: text => (output += text) }, {})
  const code = await runCommandLine(['test', join(root, file)], terminal)
  expect(output).toMatch(/[1-9]\d* passed, 0 failed/)
  expect(code).toBe(0)
})
