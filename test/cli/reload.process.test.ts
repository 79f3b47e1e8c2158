import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { folder, Sluice } from './sluice.ts'

const ROUTES = `version: 1
admin: { port: 0 }
connections:
  a: { url: "memory://lab" }
routes:
  copy:
    from: { connection: a, address: in }
    transform:
      - use: tag
    to: { connection: a, address: out }
`
const MORE = '  more: { from: { connection: a, address: in2 }, to: { connection: a, address: out } }\n'
const tag = (extra = '') => `import { Closed, definePlugin } from 'sluice'
import { text } from '../lib/text.ts'
const name: string = 'tag'
${extra}
export default definePlugin({ name, transforms: [{ name, schema: Closed({}), create: (_options, { log }) => {
  log.info({}, \`made of \${text}\`)
  return message => message
} }] })
`

test('run takes up a file, a plug-in and what that imports, and goes on with what runs when one is broken', async () => {
  const dir = folder({
    'routes.yaml': ROUTES,
    'plugins/tag.ts': tag(),
    'lib/text.ts': "import { part } from './part.ts'\nexport const text = 'one ' + part\n",
    'lib/part.ts': "export const part = 'a'\n",
  })
  const write = (name: string, text: string) => writeFileSync(join(dir, name), text)
  const gateway = new Sluice(['run', '--log', 'json'], dir)
  const [, url] = await gateway.saw(/"admin":"(http:[^"]+)"/)
  await gateway.saw(/made of one a/)
  write('lib/part.ts', "export const part = 'b'\n")
  await gateway.saw(/made of one b/)
  await gateway.saw(/configuration applied: swap copy/)
  write('plugins/tag.ts', tag('const broken = {'))
  await gateway.saw(/the plug-in \.\/plugins\/tag\.ts cannot be read[\s\S]*configuration not applied/)
  expect(await (await fetch(`${url}/metrics`)).text()).toContain('sluice_config_last_reload_successful 0')
  expect((await fetch(`${url}/livez`)).status).toBe(200)
  write('plugins/tag.ts', tag())
  write('lib/text.ts', "export const text = 'two'\n")
  await gateway.saw(/made of two/)
  write('routes.yaml', ROUTES + MORE)
  await gateway.saw(/configuration applied: start more/)
  write('routes.yaml', ROUTES.replace('address: out', 'adress: out') + MORE)
  await gateway.saw(/routes\.yaml:10:\d+: there is no option \\"adress\\"/)
  rmSync(join(dir, 'routes.yaml'))
  await gateway.saw(/there is no such file/)
  write('routes.yaml', ROUTES)
  await gateway.saw(/configuration applied: stop more/)
  gateway.process.kill('SIGTERM')
  const { code, stderr } = await gateway.result
  expect(code).toBe(0)
  expect(stderr).not.toMatch(/\n\s+at /)
})

test('run takes up a folder on SIGHUP, and by itself nothing where it is not to watch', async () => {
  const dir = folder({
    'conf/base.yaml': `${ROUTES.split('routes:')[0]}reload: { watch: false }\n`,
    'conf/copy.yaml': `routes:\n${MORE.replace('more', 'copy')}`,
  })
  const gateway = new Sluice(['run', '--log', 'json', '-c', 'conf'], dir)
  await gateway.saw(/"msg":"started"/)
  writeFileSync(join(dir, 'conf', 'more.yaml'), `routes:\n${MORE}`)
  writeFileSync(
    join(dir, 'conf', 'base.yaml'),
    `${ROUTES.split('routes:')[0]}reload: { watch: false }\nmemory: 64MiB\n`,
  )
  gateway.process.kill('SIGHUP')
  await gateway.saw(/"trigger":"signal".*configuration applied: start more/)
  await gateway.saw(/memory changed: that takes effect when the gateway is started anew/)
  gateway.process.kill('SIGTERM')
  const { code, stderr } = await gateway.result
  expect(code).toBe(0)
  expect(stderr).not.toContain('"trigger":"file"')
})
