import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { check } from '../../src/config/check.ts'
import { Source } from '../../src/config/source.ts'
import { ERRORS } from '../../src/core/error-table.ts'
import { Telemetry } from '../../src/engine/telemetry.ts'
import { testRegistry } from '../config/registry.ts'

const page = readFileSync(join(import.meta.dirname, '../../docs/request-reply.md'), 'utf8')
const examples = [...page.matchAll(/```yaml\n(.*?)```/gs)].map(([, yaml]) => yaml!)

test('every example can be used as it is', async () => {
  const registry = await testRegistry()
  expect(examples.length).toBeGreaterThanOrEqual(2)
  for (const yaml of examples) {
    const context = { registry, baseDir: '.', sources: { env: {}, readFile: () => '' } }
    const { problems, config } = check(new Source('routes.yaml', yaml), context)
    expect(problems).toEqual([])
    expect([...config!.routes.values()].every(({ reply }) => reply !== undefined)).toBe(true)
  }
})

test('codes and metrics it names are there', async () => {
  const codes = [...page.matchAll(/^\| ((?:`[A-Z_]+` ?)+)/gm)].flatMap(([, names]) => names!.match(/[A-Z_]+/g) ?? [])
  expect(codes).toContain('REPLY_TIMED_OUT')
  for (const code of codes) expect(Object.keys(ERRORS)).toContain(code)
  const metrics = await new Telemetry().metrics()
  for (const [, name] of page.matchAll(/`(sluice_[a-z_]+)/g)) expect(metrics).toContain(`# HELP ${name} `)
})
