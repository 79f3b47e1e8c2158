import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect, promisify } from 'node:util'
import { expect, test } from 'vitest'
import type { SluiceError } from '../../src/core/errors.ts'
import { ensureCertificates, tls } from '../brokers/tls.ts'
import { message } from '../core/sample.ts'
import { Index } from './elasticsearch-index.ts'
import { ElasticsearchLab, orders, publish, verdict } from './elasticsearch-lab.ts'
import { ElasticsearchServer, failed } from './elasticsearch-server.ts'

const never = new AbortController().signal
const failure = (work: Promise<unknown>): Promise<SluiceError> =>
  work.then(
    () => expect.unreachable(),
    error => error as SluiceError,
  )

test('a document that is refused says why, without its values; the others are stored', async () => {
  await using lab = await ElasticsearchLab.start()
  lab.server.indices.set('orders', new Index({ longs: ['n'] }))
  const bad = message({ body: { id: 'bad', n: 'my secret' } })
  const results = await publish(await lab.sink(), [orders(1)[0]!, bad, orders(2)[1]!])
  expect(results.map(verdict)).toEqual(['ok', 'MESSAGE_REFUSED poison message', 'ok'])
  expect(results[1]!.message).toMatch(
    /^document_parsing_exception: \[1:5\] failed to parse field \[n\] of type \[long\]/,
  )
  expect(results[1]!.message).not.toContain('secret')
})

test.each([
  [429, 'es_rejected_execution_exception', 'UNAVAILABLE retry endpoint'],
  [503, 'unavailable_shards_exception', 'UNAVAILABLE retry endpoint'],
  [403, 'cluster_block_exception', 'UNAVAILABLE retry endpoint'],
  [403, 'security_exception', 'ACCESS_DENIED fatal endpoint'],
  [409, 'version_conflict_engine_exception', 'NACKED retry message'],
  [400, 'illegal_argument_exception', 'MESSAGE_REFUSED poison message'],
])('an item answered %i %s is %s', async (status, type, wanted) => {
  await using lab = await ElasticsearchLab.start()
  lab.server.faults.item = n => (n === 1 ? { status, type, reason: 'because' } : undefined)
  const results = await publish(await lab.sink(), orders(3))
  expect(results.map(verdict)).toEqual(['ok', wanted, 'ok'])
  expect(results[1]!.message).toBe(`${type}: because`)
})

test('what is wrong with the route is not blamed on its documents', async () => {
  await using lab = await ElasticsearchLab.start()
  for (const reason of [
    'only write ops with an op_type of create are allowed in data streams',
    'pipeline with id [geo] does not exist',
  ]) {
    lab.server.faults.item = () => ({ status: 400, type: 'illegal_argument_exception', reason })
    expect(verdict((await publish(await lab.sink(), orders(1)))[0])).toBe('OPTIONS_INVALID fatal endpoint')
  }
  lab.server.faults.item = undefined
  const missing = await lab.sink({ index: 'missing' })
  expect(verdict((await publish(missing, orders(1)))[0])).toBe('ADDRESS_MISSING fatal endpoint')
})

test.each([
  [429, 'circuit_breaking_exception', 'UNAVAILABLE retry endpoint'],
  [503, 'cluster_manager_not_discovered', 'UNAVAILABLE retry endpoint'],
  [504, '', 'UNAVAILABLE retry endpoint'],
  [401, 'security_exception', 'AUTH_FAILED fatal endpoint'],
  [403, 'security_exception', 'ACCESS_DENIED fatal endpoint'],
  [400, 'media_type_header_exception', 'NOT_SUPPORTED fatal endpoint'],
  [404, '', 'PROTOCOL_MISMATCH fatal endpoint'],
])('a request answered %i %s is %s', async (status, type, wanted) => {
  await using lab = await ElasticsearchLab.start()
  lab.server.faults.request = () => ({ ...failed(status, type, 'because'), headers: { 'retry-after': '7' } })
  const [result] = await publish(await lab.sink(), orders(1))
  expect(verdict(result)).toBe(wanted)
  expect(result!.retryAfterMs).toBe(7_000)
})

test('an answer that does not come is waited for, and the repeat is harmless', async () => {
  await using lab = await ElasticsearchLab.start()
  lab.server.faults.silent = true
  const sink = await lab.sink({}, lab.connect({ timeout: '200ms' }))
  expect((await publish(sink, orders(2))).map(verdict)).toEqual(new Array(2).fill('TIMED_OUT retry endpoint'))
  lab.server.faults.silent = false
  expect((await publish(sink, orders(2))).map(verdict)).toEqual(['ok', 'ok'])
  expect(lab.stored).toEqual({ 'o-0': { id: 'o-0' }, 'o-1': { id: 'o-1' } })
})

test('a cluster that is away is not reached, and found again', async () => {
  await using lab = await ElasticsearchLab.start()
  const connection = lab.connect()
  const sink = await lab.sink({}, connection)
  await connection.check(never)
  await lab.server.down()
  expect(verdict(await failure(connection.check(never)))).toBe('CONNECT_FAILED retry endpoint')
  expect((await publish(sink, orders(2))).map(verdict)).toEqual(new Array(2).fill('CONNECT_FAILED retry endpoint'))
  await lab.server.up()
  await connection.check(never)
  expect((await publish(sink, orders(2))).map(verdict)).toEqual(['ok', 'ok'])
})

test('of several nodes one that answers is enough', async () => {
  await using lab = await ElasticsearchLab.start()
  const sink = await lab.sink({}, lab.connect({ url: `elasticsearch://localhost:1,localhost:${lab.server.port}` }))
  for (let i = 0; i < 4; i++) expect((await publish(sink, orders(2))).map(verdict)).toEqual(['ok', 'ok'])
})

test('what is not Elasticsearch is told from it', async () => {
  await using lab = await ElasticsearchLab.start()
  lab.server.faults.product = undefined
  expect(verdict(await failure(lab.connect().check(never)))).toBe('PROTOCOL_MISMATCH fatal endpoint')
})

test('logins: a password, an API key, and their wrong twins; no secret in what is said', async () => {
  await using lab = await ElasticsearchLab.start({ login: 'sluice:s3cret-password', apiKey: 'a2V5OnNlY3JldA==' })
  const url = `elasticsearch://localhost:${lab.server.port}`
  await lab.connect().check(never)
  await lab.connect({ url, apiKey: 'a2V5OnNlY3JldA==' }).check(never)
  const wrong = [
    lab.connect({ url, apiKey: 's3cret-key' }),
    lab.connect({ url: url.replace('//', '//sluice:s3cret-wrong@') }),
    lab.connect({ url }),
  ]
  for (const connection of wrong) {
    const error = await failure(connection.check(never))
    expect(verdict(error)).toBe('AUTH_FAILED fatal endpoint')
    expect(inspect(error, { depth: 20 })).not.toMatch(/s3cret/)
    const [result] = await publish(await lab.sink({}, connection), orders(1))
    expect(verdict(result)).toBe('AUTH_FAILED fatal endpoint')
    expect(inspect(result, { depth: 20 })).not.toMatch(/s3cret|o-0/)
  }
})

test('who may write and nothing else passes the check', async () => {
  await using lab = await ElasticsearchLab.start()
  lab.server.faults.request = () => failed(403, 'security_exception', 'action [cluster:monitor/main] is unauthorized')
  await lab.connect().check(never)
})

test('TLS: the right authority, the wrong one, none, and no TLS at all', async () => {
  await ensureCertificates()
  const pair = { key: readFileSync(tls.server.key, 'utf8'), cert: readFileSync(tls.server.cert, 'utf8') }
  await using lab = await ElasticsearchLab.start({ tls: pair })
  await lab.connect({ tls: { ca: tls.ca } }).check(never)
  await lab.connect({ tls: { ca: readFileSync(tls.ca, 'utf8') } }).check(never)
  await lab.connect({ tls: { rejectUnauthorized: false } }).check(never)
  expect(verdict(await failure(lab.connect({ tls: { ca: tls.strangerCa } }).check(never)))).toBe(
    'TLS_FAILED fatal endpoint',
  )
  expect(verdict(await failure(lab.connect().check(never)))).toBe('TLS_FAILED fatal endpoint')
  expect(verdict(await failure(lab.connect({ tls: { ca: 'nowhere.crt' } }).check(never)))).toBe(
    'OPTIONS_INVALID fatal endpoint',
  )
  await using plain = await ElasticsearchServer.start()
  const url = plain.url.replace('elasticsearch', 'elasticsearchs')
  expect(verdict(await failure(lab.connect({ url }).check(never)))).toBe('TLS_FAILED fatal endpoint')
})

test('without the client package the plug-in is loaded, and says what to do when it is used', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-elastic-'))
  try {
    cpSync(join(import.meta.dirname, '../../plugins'), join(folder, 'plugins'), { recursive: true })
    // A process of its own: the test runner would find the package beside this file.
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module-typescript', '-e', WITHOUT], {
      cwd: folder,
      env: { ...process.env, SLUICE_SOURCE: join(import.meta.dirname, '../../src') },
    })
    const { problems, code, hint } = JSON.parse(stdout) as Record<string, unknown>
    expect(problems).toEqual([])
    expect(code).toBe('NOT_SUPPORTED')
    expect(hint).toMatch(/^Run `npm install @elastic\/elasticsearch/)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

const WITHOUT = `
const { loadPlugins } = await import(process.env.SLUICE_SOURCE + '/app/plugins.ts')
const { Registry } = await import(process.env.SLUICE_SOURCE + '/core/registry.ts')
const registry = new Registry()
const problems = await loadPlugins(['./plugins/elasticsearch.ts'], process.cwd(), registry)
const connection = registry.driverFor('elasticsearch').connect({ url: 'elasticsearch://localhost:1' }, { baseDir: '.' })
const { code, hint } = await connection.check(new AbortController().signal).catch(error => error)
console.log(JSON.stringify({ problems, code, hint }))
`
