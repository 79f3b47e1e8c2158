import { spawn } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'

// run.js works on the directory above it: each test gets a project of its own, with our dependencies.
let project: string

beforeEach(() => {
  project = mkdtempSync(join(tmpdir(), 'sluice-run-'))
  mkdirSync(join(project, 'test'))
  for (const file of ['run.js', 'install.js', 'results-reporter.js']) {
    cpSync(join(import.meta.dirname, file), join(project, 'test', file))
  }
  const root = join(import.meta.dirname, '..')
  for (const file of ['package.json', 'package-lock.json']) cpSync(join(root, file), join(project, file))
  symlinkSync(join(root, 'node_modules'), join(project, 'node_modules'))
  writeFileSync(join(project, 'vitest.config.ts'), "export default { test: { include: ['*.test.ts'] } }")
})

afterEach(() => rmSync(project, { recursive: true }))

function give(name: string, body: string): void {
  writeFileSync(join(project, `${name}.test.ts`), `import { beforeAll, describe, expect, test } from 'vitest'\n${body}`)
}

function run(...args: string[]): Promise<{ code: number | null; output: string; last: string | undefined }> {
  const child = spawn(process.execPath, [join(project, 'test/run.js'), ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', data => {
      output += String(data)
    })
  }
  return new Promise(resolve => {
    child.once('close', code => resolve({ code, output, last: output.trimEnd().split('\n').at(-1) }))
  })
}

test('ends with the counts, and with the reason of every skip', async () => {
  give('good', "test('a', () => {}); test('b', () => {}); test('c', ctx => ctx.skip('no such feature'))")
  const { code, output, last } = await run()
  expect(last).toBe('2 passed, 0 failed')
  expect(output).toContain('1 skipped')
  expect(output).toContain('skipped: good.test.ts > c: no such feature')
  expect(code).toBe(0)
})

test('a failed test fails the run', async () => {
  give('bad', "test('a', () => {}); test('b', () => expect(1).toBe(2))")
  const { code, output, last } = await run()
  expect(last).toBe('1 passed, 1 failed')
  expect(output).toContain('failed: bad.test.ts > b: expected 1 to be 2')
  expect(code).toBe(1)
})

test.each([
  ['a file that cannot be loaded', "throw new Error('at load')"],
  ['a failed hook', "describe('d', () => { beforeAll(() => { throw new Error('hook') }); test('b', () => {}) })"],
  ['a rejection nobody handled', "test('a', () => {}); void Promise.reject(new Error('nobody'))"],
  ['a worker that dies', "test('a', () => process.kill(process.pid, 'SIGKILL'))"],
])('%s fails the run, though other tests pass', async (_, body) => {
  give('good', "test('fine', () => {})")
  give('bad', body)
  const { code, last } = await run()
  expect(code).toBe(1)
  expect(last).toMatch(/^[12] passed, [1-9]\d* failed/)
})

test('a run without tests fails', async () => {
  const { code, output, last } = await run()
  expect(code).toBe(1)
  expect(output).toContain('No test ran.')
  expect(last).toBe('0 passed, 1 failed')
})

test('a run that crashes fails', async () => {
  writeFileSync(join(project, 'vitest.config.ts'), "throw new Error('broken configuration')")
  const { code, last } = await run()
  expect(code).toBe(1)
  expect(last).toBe('0 passed, 1 failed')
})

test('arguments reach vitest, and what a pattern leaves out is no skip', async () => {
  give('one', "describe('d', () => { test('wanted', () => {}); test('other', () => {}) })")
  give('two', "test('wanted', () => {})")
  expect(await run('one', '-t', 'd > wanted')).toMatchObject({ code: 0, last: '1 passed, 0 failed' })
})

test('dependencies that cannot be installed are said in words', async () => {
  rmSync(join(project, 'node_modules'))
  // Nobody listens on port 1: the registry cannot be reached.
  const npmrc = ['registry=http://127.0.0.1:1/', 'fetch-retries=0', `cache=${join(project, 'cache')}`]
  writeFileSync(join(project, '.npmrc'), npmrc.join('\n'))
  const { code, output, last } = await run()
  expect(output).toContain('The dependencies could not be installed: npm ci ended with 1.')
  expect(output).not.toMatch(/^ +at /m)
  expect(last).toBe('0 passed, 1 failed')
  expect(code).toBe(1)
})
