import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parse } from 'yaml'
import { must, run } from '../brokers/commands.ts'
import { isInstalled } from '../brokers/system.ts'
import { command, folder, Sluice } from '../cli/sluice.ts'
import { EmptyFolder, plainEnvironment, root } from './consumer.ts'
import { copyContext } from './context.ts'
import { build, onThisMachine, type Stage } from './dockerfile.ts'
import { compose, hadolint, promtool } from './tools.ts'

const deploy = join(root, 'deploy')

test('hadolint has nothing to say about the Dockerfile', async () => {
  await must('hadolint refuses deploy/Dockerfile', await hadolint(), ['--failure-threshold', 'info', 'Dockerfile'], {
    cwd: deploy,
  })
})

const ROUTES = `version: 1
admin: { port: 0 }
connections: { a: { url: "memory://lab" } }
routes:
  copy:
    from: { connection: a, address: in }
    to: { connection: a, address: out }
    dedup: { by: "\${id}", window: 1m, store: file }
`

// Its steps in plain folders: no Docker engine is needed to know that what they copy is there and what they run works.
const work = new EmptyFolder()
let image: Stage
beforeAll(async () => {
  const context = join(work.path, 'context')
  copyContext(join(deploy, 'Dockerfile.dockerignore'), root, context)
  image = await build(join(deploy, 'Dockerfile'), context, join(work.path, 'stages'), plainEnvironment())
})
afterAll(() => work[Symbol.dispose]())

test('the image runs: it carries, is healthy, keeps its state where it may write, and stops', async () => {
  mkdirSync(image.at('/etc/sluice'), { recursive: true })
  writeFileSync(image.at('/etc/sluice/routes.yaml'), ROUTES)
  const [node, launcher] = onThisMachine(image, image.commands.get('ENTRYPOINT')!)
  expect(node).toBe('node')
  chmodSync(image.at('/usr/local/bin/node'), 0o755)
  const env = { ...image.env, SLUICE_STATE_DIR: image.at(image.env['SLUICE_STATE_DIR']!) }
  const args = onThisMachine(image, image.commands.get('CMD')!)
  const gateway = new Sluice(args, image.at('.'), env, launcher, image.at('/usr/local/bin/node'))
  const [, url] = await gateway.saw(/"admin":"(http:[^"]+)"/)
  const [, ...health] = image.commands.get('HEALTHCHECK')!
  const healthy = async (at: string) =>
    (await run(image.at('/usr/local/bin/node'), health, { env: { SLUICE_HEALTH_URL: at } })).code
  expect(await healthy(`${url}/livez`)).toBe(0)
  expect(await healthy('http://127.0.0.1:9/livez')).toBe(1)
  await expect.poll(async () => (await fetch(`${url}/readyz`)).status).toBe(200)
  expect(readdirSync(image.at('/var/lib/sluice/dedup')).length).toBeGreaterThan(0)
  expect(existsSync(image.at('/etc/sluice/.sluice'))).toBe(false)
  gateway.process.kill('SIGTERM')
  expect((await gateway.result).code).toBe(0)
})

test('the image has what it needs and no more', () => {
  const packages = readdirSync(image.at('/opt/sluice/node_modules'))
  expect(packages).toContain('amqplib')
  // Without its native part the Kafka client is a good deal slower.
  expect(readdirSync(image.at('/opt/sluice/node_modules/@node-rs')).length).toBeGreaterThan(1)
  expect(packages.filter(name => ['typescript', 'vitest', 'node', 'pulsar-client'].includes(name))).toEqual([])
  expect(readdirSync(image.at('/opt/sluice')).toSorted()).toEqual([
    'LICENSE',
    'dist',
    'node_modules',
    'package.json',
    'src',
  ])
  expect(image.user).toMatch(/^[1-9]\d*:[1-9]\d*$/)
  expect(image.env['SLUICE_HEALTH_URL']).toBe('http://127.0.0.1:8085/livez')
  const bytes = readdirSync(image.at('/opt/sluice'), { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0)
  expect(bytes / 2 ** 20).toBeLessThan(60)
})

interface ComposeFile {
  readonly services: Readonly<Record<string, { readonly ports?: readonly { readonly host_ip?: string }[] }>>
}

test.each(['compose.yaml', 'stack/compose.yaml'])(
  '%s is what Docker Compose takes, and open to this machine only',
  async path => {
    const output = await must(`${path} is refused`, await compose(), [join(deploy, path)])
    const { services } = parse(output) as ComposeFile
    const ports = Object.values(services).flatMap(service => service.ports ?? [])
    expect(ports.length).toBeGreaterThan(1)
    expect(new Set(ports.map(port => port.host_ip))).toEqual(new Set(['127.0.0.1']))
  },
)

test('the stack has all four brokers, and its files are what their programs take', async () => {
  const read = (path: string) => readFileSync(join(deploy, 'stack', path), 'utf8')
  const { services } = parse(read('compose.yaml')) as ComposeFile
  const names = ['grafana', 'kafka', 'nats', 'prometheus', 'pulsar', 'rabbitmq', 'sluice']
  expect(Object.keys(services).toSorted()).toEqual(names)
  const env = { RABBITMQ_PASSWORD: 'guest', SLUICE_ADMIN_TOKEN: 'for-this-machine-only' }
  const dir = folder({
    'routes.yaml': read('config/routes.yaml'),
    'prometheus.yaml': read('prometheus.yaml'),
    'alerts.yaml': readFileSync(join(deploy, 'prometheus/alerts.yaml'), 'utf8'),
  })
  const { code, output } = await command(['check'], dir, env)
  expect(code, output).toBe(0)
  await must('prometheus.yaml is refused', await promtool(), ['check', 'config', 'prometheus.yaml'], { cwd: dir })
})

test('systemd takes the unit, and finds little that it could harm', async () => {
  if (!(await isInstalled('systemd-analyze')))
    throw new Error('systemd-analyze (Debian package systemd) is not installed.')
  const unit = join(deploy, 'systemd/sluice.service')
  const text = readFileSync(unit, 'utf8')
  // 20 s is the default of `shutdown.drain`.
  expect(Number(/^TimeoutStopSec=(\d+)$/m.exec(text)![1])).toBeGreaterThan(20)
  // The program it starts is not on this machine.
  const local = text.replace(/^ExecStart=\S+ \S+/m, `ExecStart=${process.execPath} ${join(root, 'src/cli/sluice.js')}`)
  const file = join(folder({ 'sluice.service': local }), 'sluice.service')
  const verified = await must('systemd refuses the unit', 'systemd-analyze', ['verify', '--man=no', file])
  expect(verified).toBe('')
  const threshold = ['security', '--offline=true', '--threshold=20', file]
  await must('systemd finds the unit exposed', 'systemd-analyze', threshold)
})
