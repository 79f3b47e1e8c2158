import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { folder, sluice } from '../cli/sluice.ts'

const root = join(import.meta.dirname, '../..')
const page = readFileSync(join(root, 'README.md'), 'utf8')

function example(language: string): string {
  const after = page.split(`\`\`\`${language}\n`)[1]
  const code = after?.split('```')[0]
  if (code === undefined) throw new Error(`README.md has no example in ${language}`)
  return code
}

test('routes.yaml as the README tours it can be used as it is', async () => {
  const dir = folder()
  cpSync(join(root, 'plugins'), join(dir, 'plugins'), { recursive: true })
  writeFileSync(join(dir, 'routes.yaml'), example('yaml'))
  const { code, output } = await sluice(['check'], dir, { RABBITMQ_PASSWORD: 'hunter22' })
  expect([code, output]).toEqual([0, 'routes.yaml is fine: 1 route, 2 connections.\n'])
})

test('the plug-in of the README can be loaded', async () => {
  const dir = folder({ 'routes.yaml': 'version: 1\n', 'plugins/shout.ts': example('ts') })
  const { code, stdout, stderr } = await sluice(['schema', '-c', 'routes.yaml'], dir)
  expect([code, stderr]).toEqual([0, ''])
  expect(stdout).toContain('"shout"')
})
