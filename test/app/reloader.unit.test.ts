import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { until } from '../engine/lab.ts'
import { routes, scratch, serving, write } from './served.ts'

const OFF = 'reload: { watch: false }'
const COPY = '  copy: { from: { connection: a, address: in }, to: { connection: a, address: out } }'
const MORE = '  more: { from: { connection: a, address: in2 }, to: { connection: a, address: out } }'
const filter = (limit: number) => COPY.replace('to:', `transform: [{ filter: "\${body.total > ${limit}}" }], to:`)
const text = (...lines: readonly string[]) => `${routes('reloader', ...lines)}\n${OFF}\n`

describe('the reloader', () => {
  test('says at first what was started', async () => {
    const { reloader, gateway } = await serving(join(scratch({ 'routes.yaml': text(COPY) }), 'routes.yaml'))
    expect(reloader.last).toMatchObject({
      ok: true,
      trigger: 'start',
      plan: { changes: [{ kind: 'start', route: 'copy' }] },
    })
    expect(reloader.last.version).toMatch(/^[0-9a-f]{16}$/)
    const metrics = await gateway.metrics()
    expect(metrics).toContain('sluice_config_last_reload_successful 1')
    expect(metrics).toMatch(/sluice_config_last_reload_success_timestamp_seconds 1[0-9.e+]+/)
  })

  test('plans without changing anything, applies what was planned, and tells who listens', async () => {
    const dir = scratch({ 'routes.yaml': text(COPY) })
    const { reloader, gateway, log } = await serving(join(dir, 'routes.yaml'))
    const before = reloader.last.version
    const heard: string[] = []
    const end = reloader.onReload(({ trigger, ok }) => heard.push(`${trigger} ${ok}`))
    write(dir, { 'routes.yaml': text(filter(10), MORE) })
    const answer = await reloader.plan()
    expect(answer).toMatchObject({
      ok: true,
      plan: {
        changes: [
          { kind: 'swap', route: 'copy', paths: ['routes.copy.transform[0]'] },
          { kind: 'start', route: 'more' },
        ],
      },
    })
    expect(gateway.status.map(route => route.name)).toEqual(['copy'])
    if (!answer.ok) throw new Error('unreachable')
    const result = await reloader.apply('api', answer.plan.hash)
    expect(result).toMatchObject({ ok: true, trigger: 'api', error: undefined, plan: answer.plan })
    expect(result.version).not.toBe(before)
    expect(gateway.status.map(route => route.name)).toEqual(['copy', 'more'])
    expect(heard).toEqual(['api true'])
    expect(log.lines).toEqual(['configuration applied: start more, swap copy'])
    end()
    await reloader.apply('signal')
    expect(heard).toEqual(['api true'])
  })

  test('refuses a plan that is not the one that was shown', async () => {
    const dir = scratch({ 'routes.yaml': text(COPY) })
    const { reloader, gateway } = await serving(join(dir, 'routes.yaml'))
    write(dir, { 'routes.yaml': text(COPY, MORE) })
    const shown = await reloader.plan()
    if (!shown.ok) throw new Error('unreachable')
    write(dir, { 'routes.yaml': text(filter(3), MORE) })
    const result = await reloader.apply('api', shown.plan.hash)
    expect(result.ok).toBe(false)
    expect(result.error).toMatch(
      new RegExp(`the plan is not ${shown.plan.hash} any more: it is ${result.plan!.hash} now`),
    )
    expect(gateway.status.map(route => route.name)).toEqual(['copy'])
    expect((await reloader.apply('api', result.plan!.hash)).ok).toBe(true)
    expect((await reloader.apply('api', result.plan!.hash)).ok).toBe(false)
  })

  test('changes nothing for a file that cannot be used, and says where it is wrong', async () => {
    const dir = scratch({ 'routes.yaml': text(COPY) })
    const file = join(dir, 'routes.yaml')
    const { reloader, gateway, log } = await serving(file)
    const { version } = reloader.last
    write(dir, { 'routes.yaml': text(COPY.replace('address: in', 'adress: in'), MORE) })
    const result = await reloader.apply('file')
    expect(result).toMatchObject({
      ok: false,
      version,
      plan: undefined,
      problems: [{ file, line: 6, path: 'routes.copy.from.adress' }],
    })
    expect(gateway.status).toMatchObject([{ name: 'copy' }])
    expect(log.lines[0]).toContain(`${file}:6:`)
    expect(log.lines.at(-1)).toBe(
      'configuration not applied: the configuration cannot be used; what runs goes on as it was',
    )
    expect(await gateway.metrics()).toContain('sluice_config_last_reload_successful 0')
    // The same again is no news.
    const lines = log.lines.length
    await reloader.apply('file')
    expect(log.lines.length).toBe(lines)
    write(dir, { 'routes.yaml': text(COPY) })
    expect(await reloader.apply('file')).toMatchObject({ ok: true, version })
    expect(await gateway.metrics()).toContain('sluice_config_last_reload_successful 1')
  })

  test.each<[string, string | undefined, RegExp]>([
    ['is gone', undefined, /cannot be read: there is no such file/],
    ['is no YAML', 'version: [', /./],
    ['is empty', '', /the file is empty/],
  ])('changes nothing for a file that %s', async (_, content, message) => {
    const dir = scratch({ 'routes.yaml': text(COPY) })
    const { reloader, gateway } = await serving(join(dir, 'routes.yaml'))
    if (content === undefined) rmSync(join(dir, 'routes.yaml'))
    else write(dir, { 'routes.yaml': content })
    expect(await reloader.plan()).toMatchObject({ ok: false, problems: [{ message: expect.stringMatching(message) }] })
    expect(await reloader.apply('signal')).toMatchObject({
      ok: false,
      problems: [{ message: expect.stringMatching(message) }],
    })
    expect(gateway.status).toMatchObject([{ name: 'copy' }])
  })

  test('rolls back what cannot be built', async () => {
    const dir = scratch({ 'routes.yaml': text(COPY) })
    const { reloader, gateway } = await serving(join(dir, 'routes.yaml'))
    const use = COPY.replace('to:', 'transform: [{ use: fragile }], to:').replace('copy', 'fragile')
    write(dir, {
      'plugins/fragile.mjs': `export default { name: 'fragile', transforms: [{ name: 'fragile', schema: { type: 'object' },
        create() { throw new Error('no such table') } }] }\n`,
      'routes.yaml': text(MORE, use),
    })
    const result = await reloader.apply('signal')
    expect(result).toMatchObject({
      ok: false,
      plan: { changes: [{ kind: 'stop' }, { kind: 'start' }, { kind: 'start' }] },
    })
    expect(result.error).toMatch(/^route fragile cannot be built: no such table/)
    expect(gateway.status).toMatchObject([{ name: 'copy' }])
  })

  test('applies two at once one after the other', async () => {
    const dir = scratch({ 'routes.yaml': text(COPY) })
    const { reloader, gateway } = await serving(join(dir, 'routes.yaml'))
    write(dir, { 'routes.yaml': text(COPY, MORE) })
    const shown = await reloader.plan()
    if (!shown.ok) throw new Error('unreachable')
    const { hash } = shown.plan
    const results = await Promise.all([
      reloader.apply('api', hash),
      reloader.apply('api', hash),
      reloader.apply('signal'),
    ])
    expect(results.map(({ ok }) => ok)).toEqual([true, false, true])
    expect(results[2]!.plan?.changes).toEqual([])
    expect(gateway.status.map(route => route.name)).toEqual(['copy', 'more'])
  })

  test('lets only so many wait', async () => {
    const dir = scratch({ 'routes.yaml': text(COPY) })
    const { reloader } = await serving(join(dir, 'routes.yaml'))
    const answers = await Promise.all(Array.from({ length: 30 }, () => reloader.apply('api')))
    expect(answers.filter(({ ok }) => ok).length).toBe(16)
    expect(answers.at(-1)?.error).toMatch(/others wait already/)
    expect((await reloader.apply('api')).ok).toBe(true)
  })

  test('reports options of the process and does not apply them', async () => {
    const dir = scratch({ 'routes.yaml': text(COPY) })
    const { reloader, log } = await serving(join(dir, 'routes.yaml'))
    write(dir, { 'routes.yaml': `${text(COPY)}memory: 64MiB\n` })
    for (let n = 0; n < 2; n++)
      expect(await reloader.plan()).toMatchObject({ ok: true, plan: { changes: [], process: ['memory'] } })
    expect((await reloader.apply('signal')).ok).toBe(true)
    expect(log.lines.at(-1)).toBe('memory changed: that takes effect when the gateway is started anew')
    expect(await reloader.plan()).toMatchObject({ ok: true, plan: { changes: [], process: ['memory'] } })
  })

  test('takes up a schema that changes, and one it refers to', async () => {
    const schema = (type: string) => JSON.stringify({ properties: { total: { $ref: `part.json#/${type}` } } })
    const dir = scratch({
      'routes.yaml': text(COPY.replace('to:', 'transform: [{ validate: schemas/order.json }], to:')),
      'schemas/order.json': schema('a'),
      'schemas/part.json': '{ "a": { "type": "number" }, "b": {} }',
    })
    const { reloader } = await serving(join(dir, 'routes.yaml'))
    expect(reloader.files).toEqual(
      expect.arrayContaining([
        join(dir, 'routes.yaml'),
        join(dir, 'schemas/order.json'),
        join(dir, 'schemas/part.json'),
      ]),
    )
    for (const file of ['schemas/order.json', 'schemas/part.json']) {
      write(dir, { [file]: file.endsWith('part.json') ? '{ "a": {}, "b": { "type": "string" } }' : schema('b') })
      expect(await reloader.apply('signal')).toMatchObject({
        ok: true,
        plan: { changes: [{ kind: 'swap', route: 'copy', paths: [file] }] },
      })
    }
    expect(await reloader.plan()).toMatchObject({ ok: true, plan: { changes: [] } })
    rmSync(join(dir, 'schemas/part.json'))
    expect(await reloader.apply('signal')).toMatchObject({
      ok: false,
      problems: [{ path: 'routes.copy.transform[0].validate' }],
    })
  })

  test('takes up a secret that changes in its file', async () => {
    const dir = scratch({
      'routes.yaml': text(COPY).replace('"memory://reloader"', `"memory://\${file('name')}"`),
      name: 'reloader-one',
    })
    const { reloader } = await serving(join(dir, 'routes.yaml'))
    expect(reloader.files).toContain(join(dir, 'name'))
    write(dir, { name: 'reloader-two' })
    const answer = await reloader.apply('signal')
    expect(answer.plan?.changes).toEqual([{ kind: 'restart', route: 'copy', paths: ['connections.a.url'] }])
    expect(JSON.stringify(answer)).not.toContain('reloader-two')
  })

  test('does not let a stop wait for it', async () => {
    const dir = scratch({ 'routes.yaml': text(COPY) })
    const served = await serving(join(dir, 'routes.yaml'))
    await until('it runs', () => served.gateway.status[0]?.state === 'running')
    write(dir, { 'routes.yaml': text(filter(1), MORE) })
    const [result] = await Promise.all([served.reloader.apply('signal'), served.stop()])
    expect(result.ok ? 'applied' : result.error).toMatch(/applied|the gateway stops/)
    expect(served.gateway.openConnections.size).toBe(0)
  })
})
