import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { check } from '../../src/config/check.ts'
import { readConfig } from '../../src/config/load.ts'
import { testRegistry } from './registry.ts'

const registry = await testRegistry()

function folder(files: Readonly<Record<string, string>>) {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-folder-'))
  onTestFinished(() => rmSync(dir, { recursive: true }))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text)
  const source = readConfig(dir)
  const { config, problems } = check(source, { registry, baseDir: dir, sources: { env: {}, readFile: () => '' } })
  const said = problems.map(each => `${each.file.slice(dir.length + 1)}:${each.line}:${each.col} ${each.message}`)
  return { source, config, said: said.map(text => text.replaceAll(`${dir}/`, '')) }
}

const CONNECTIONS = 'version: 1\nconnections:\n  log: { url: "kafka://localhost:9092" }\n'
const route = (name: string, topic = name) =>
  `routes:\n  ${name}:\n    from: { connection: log, topic: ${topic} }\n    to: { connection: log, topic: copies }\n`

describe('a folder of files', () => {
  test('is one configuration, in the order of the names', () => {
    const { config, said, source } = folder({
      'b.yaml': route('second'),
      'a.yml': `# ours\n${route('first')}`,
      'connections.yaml': `${CONNECTIONS}memory: 64MiB\n`,
      'empty.yaml': '# later\n',
      'notes.md': 'no: yaml',
      '.hidden.yaml': 'broken: [',
    })
    expect(said).toEqual([])
    expect([...config!.routes.keys()]).toEqual(['first', 'second'])
    expect(config).toMatchObject({ memory: '64MiB' })
    expect(source.files.map(file => file.slice(source.file.length + 1))).toEqual([
      'a.yml',
      'b.yaml',
      'connections.yaml',
      'empty.yaml',
    ])
    expect(source.textOf(source.files[1]!)).toBe(route('second'))
    expect(source.textOf('elsewhere')).toBe('')
  })

  test('says in which file something is wrong, all at once', () => {
    const { said } = folder({
      'a.yaml': CONNECTIONS.replace('9092', '9092/x/y'),
      'b.yaml': route('one').replace('topic: copies', 'topik: copies'),
      'c.yaml': `${route('two')}    inFlight: 0\nmemory: lots\n`,
    })
    expect(said).toEqual([
      expect.stringMatching(/^a\.yaml:3:/),
      expect.stringMatching(/^b\.yaml:4:\d+ there is no option "topik"/),
      expect.stringMatching(/^c\.yaml:5:15 /),
      expect.stringMatching(/^c\.yaml:6:9 /),
    ])
  })

  test('names both places of what is defined twice', () => {
    const { said, config } = folder({
      'a.yaml': `${CONNECTIONS}memory: 64MiB\n${route('one')}`,
      'b.yaml': `memory: 32MiB\n${route('one')}`,
      'c.yaml': 'connections:\n  log: { url: "kafka://elsewhere:9092" }\n',
    })
    expect(config).toBeUndefined()
    expect(said.toSorted()).toEqual([
      'a.yaml:3:3 the connection "log" is defined twice; the other place is c.yaml:2:3',
      'a.yaml:4:1 `memory` is defined twice; the other place is b.yaml:1:1',
      'a.yaml:6:3 the route "one" is defined twice; the other place is b.yaml:3:3',
      'b.yaml:1:1 `memory` is defined twice; the other place is a.yaml:4:1',
      'b.yaml:3:3 the route "one" is defined twice; the other place is a.yaml:6:3',
      'c.yaml:2:3 the connection "log" is defined twice; the other place is a.yaml:3:3',
    ])
  })

  test('lets every file have its version, which must be the same', () => {
    expect(folder({ 'a.yaml': CONNECTIONS, 'b.yaml': `version: 1\n${route('one')}` }).said).toEqual([])
    expect(folder({ 'a.yaml': CONNECTIONS, 'b.yaml': `version: 2\n${route('one')}` }).said[0]).toMatch(
      /`version` is defined twice/,
    )
    expect(folder({ 'a.yaml': CONNECTIONS.replace('version: 1\n', ''), 'b.yaml': route('one') }).said[0]).toMatch(
      /version/,
    )
  })

  test('is none where a file is no YAML or no mapping', () => {
    expect(folder({ 'a.yaml': CONNECTIONS, 'b.yaml': 'routes: [' }).said[0]).toMatch(/^b\.yaml:1:/)
    expect(folder({ 'a.yaml': CONNECTIONS, 'b.yaml': '- one' }).said).toEqual(['b.yaml:1:1 the file must be a mapping'])
    expect(folder({ 'a.yaml': CONNECTIONS, 'b.yaml': 'routes: [one]' }).said[0]).toMatch(/^b\.yaml:1:/)
  })

  test('is none where there is no file, or no folder', () => {
    expect(() => folder({ 'routes.json': '{}' })).toThrow(/has no \.yaml file/)
    expect(() => readConfig('/nowhere/at/all')).toThrow(/there is no such file/)
  })
})
