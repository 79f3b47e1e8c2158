import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { run } from '../brokers/commands.ts'
import { Sluice } from '../cli/sluice.ts'
import { EmptyFolder, install, pack, plainEnvironment, root } from './consumer.ts'

interface Manifest {
  readonly version: string
  readonly devDependencies: Readonly<Record<string, string>>
  readonly optionalDependencies: Readonly<Record<string, string>>
}

const folder = new EmptyFolder()
const own = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest
let tarball = ''

beforeAll(async () => {
  tarball = await pack(folder.path)
  await install(folder, tarball)
})
afterAll(() => folder[Symbol.dispose]())

// Three messages from a plug-in that is TypeScript, through two routes over the memory driver.
const DRIP = `import { Closed, definePlugin, type Driver, Headers, Message, Type } from 'sluice'
const end = Closed({ address: Type.String() })
const dispose = { [Symbol.asyncDispose]: async () => {} }
const delivery = (n: number) => ({ expired: false, ack() {}, release() {}, message: new Message({ id: String(n), key: null,
  subject: 's', headers: Headers.EMPTY, bytes: Buffer.from('{}'), timestamp: 0, properties: {},
  source: { connection: 'drip', address: 'in', sequence: 'in', position: String(n), attempt: 1 } }) })
const drip: Driver = { name: 'drip', schemes: ['drip'],
  features: { redelivery: 'each', orderedBatch: true, groups: false, headers: true, keys: true, tombstones: true,
    countsAttempts: false, durable: true, maxBytes: 1e6 },
  schema: { connection: Closed({ url: Type.String() }), source: end, sink: end },
  connect: () => ({ ...dispose, check: async () => {},
    source: async () => ({ ...dispose, async *receive(signal: AbortSignal) {
      yield [1, 2, 3].map(delivery)
      await new Promise(resolve => signal.addEventListener('abort', resolve))
    } }),
    sink: async () => { throw new Error('there is none') } }) }
export default definePlugin({ name: 'drip', drivers: [drip] })
`
const ROUTES = `version: 1
admin: { port: 0 }
plugins: [./drip.ts]
connections:
  drip: { url: "drip://" }
  lab: { url: "memory://lab" }
routes:
  in: { from: { connection: drip, address: in }, transform: [filter: "\${body == {}}"], to: { connection: lab, address: middle } }
  out: { from: { connection: lab, address: middle }, to: { connection: lab, address: end } }
`
const bin = () => join(folder.path, 'node_modules/.bin/sluice')
const npx = (...args: readonly string[]) => folder.run('sluice failed', 'npx', '--no-install', 'sluice', ...args)

test('the tarball holds what is compiled, its types, documents and examples, and no test but the conformance suite', async () => {
  const files = (await folder.run('tar failed', 'tar', '--list', '--file', tarball)).trim().split('\n')
  const strange = files.filter(
    file =>
      !/^package\/(package\.json|README\.md|LICENSE|CHANGELOG\.md|src\/cli\/sluice\.js)$/.test(file) &&
      !/^package\/dist\/(src|test\/conformance)\/.+(\.js|\.d\.ts)$/.test(file) &&
      !/^package\/dist\/src\/.+\.(html|css|svg|json|png|ico|webmanifest)$/.test(file) &&
      !/^package\/(docs|examples|plugins)\//.test(file),
  )
  expect(strange).toEqual([])
  expect(files.filter(file => /\.test\.(d\.ts|js|ts)$/.test(file))).toEqual([])
  expect(files).toContain('package/docs/routes.schema.json')
})

test('what lies in src/ and is no TypeScript is in the package as it is', () => {
  const all = readdirSync(join(root, 'src'), { recursive: true, withFileTypes: true })
  const others = all.filter(entry => entry.isFile() && !entry.name.endsWith('.ts'))
  for (const { parentPath, name } of others) {
    const path = join(parentPath, name)
    const packed = join(folder.path, 'node_modules/sluice/dist', path.slice(root.length))
    expect(readFileSync(packed).equals(readFileSync(path)), path).toBe(true)
  }
})

test('it brings no development dependency and no optional package', () => {
  const installed = readdirSync(join(folder.path, 'node_modules'))
  const unwanted = Object.keys({ ...own.devDependencies, ...own.optionalDependencies })
  expect(installed).toContain('amqplib')
  expect(installed.filter(name => unwanted.includes(name))).toEqual([])
})

test('version, schema and check answer from a folder that has nothing but routes.yaml and a plug-in in TypeScript', async () => {
  folder.write('routes.yaml', ROUTES)
  folder.write('drip.ts', DRIP)
  expect(await npx('version')).toContain(`sluice ${own.version} `)
  expect(await npx('check')).toMatch(/2 routes/)
  const schema = await npx('schema', '-c', 'routes.yaml')
  expect(schema).toContain('drip:')
  // A warning of Node.js' would stand before it.
  expect(schema).toMatch(/^\{/)
  folder.write('wrong.yaml', ROUTES.replace('address: middle', 'adress: middle'))
  const { code, output } = await run(bin(), ['check', '-c', 'wrong.yaml'], {
    cwd: folder.path,
    env: plainEnvironment(),
  })
  expect(code).toBe(2)
  expect(output).toMatch(/wrong\.yaml:\d+:\d+ error.*Did you mean "address"/s)
})

test('it carries messages, and stops when it is told to', async () => {
  folder.write('routes.yaml', ROUTES)
  folder.write('drip.ts', DRIP)
  const gateway = new Sluice(['run', '--log', 'json'], folder.path, {}, bin())
  const [, url] = await gateway.saw(/"admin":"(http:[^"]+)"/)
  const metrics = async () => (await fetch(`${url}/metrics`)).text()
  await expect.poll(metrics).toContain('sluice_delivered_total{route="out"} 3')
  expect((await fetch(`${url}/readyz`)).status).toBe(200)
  gateway.process.kill('SIGTERM')
  expect((await gateway.result).code).toBe(0)
})

// The types, and the suite for drivers of other people: with the driver of docs/plugins.md, by node's own test runner.
const SUITE = `import { describe, it } from 'node:test'
import type { Plugin } from 'sluice'
import { conformance, type RunnerContext } from 'sluice/conformance'
import plugin from './spool.ts'
import { ONE_READER, spoolTestbed } from './testbed.ts'
const { drivers }: Plugin = plugin
const runner = { describe, it: (title: string, body: (context: RunnerContext) => Promise<void>) => it(title, body) }
conformance({ driver: drivers![0]!, testbed: spoolTestbed(), skip: [ONE_READER], only: [1, 2, 3, 4, 7, 15], runner })
`

test('a driver of somebody else passes the conformance suite of the package, and its types fit', async () => {
  const page = folder.read('node_modules/sluice/docs/plugins.md')
  folder.write('spool.ts', /<!-- file: spool\.ts -->\n```ts\n([\s\S]*?)\n```/.exec(page)![1]!)
  const testbed = readFileSync(join(root, 'test/plugins/spool.ts'), 'utf8')
  folder.write('testbed.ts', testbed.replace('../../src/core/testbed.ts', 'sluice'))
  folder.write('suite.ts', SUITE)
  folder.write('drip.ts', DRIP)
  const output = await folder.run('the suite failed', process.execPath, '--test', '--test-reporter=tap', 'suite.ts')
  expect(output).toMatch(/# pass 5\n# fail 0\n# cancelled 0\n# skipped 1/)
  const strict = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'esnext', '--allowImportingTsExtensions']
  const types = ['--typeRoots', join(root, 'node_modules/@types'), '--types', 'node', '--ignoreConfig']
  const compiler = join(root, 'node_modules/typescript/bin/tsc')
  await folder.run('the types do not fit', process.execPath, compiler, ...strict, ...types, 'suite.ts', 'drip.ts')
})
