import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { RouteConfig } from '../../../src/config/schema.ts'
import { Registry } from '../../../src/core/registry.ts'
import { createMemoryDriver } from '../../../src/drivers/memory/driver.ts'
import { MemoryHub } from '../../../src/drivers/memory/hub.ts'
import { store } from '../../../src/drivers/memory/stored.ts'
import { Gateway } from '../../../src/engine/gateway.ts'
import type { Case } from '../case.ts'
import type { Lab } from '../lab.ts'
import { withDefaults } from '../validation.ts'

const COUNT = 600
const KEYS = 12
const KILLS = 3
const UNDER_TEST = 'under-test'

export const line: Case = {
  number: 18,
  title: 'the whole engine line from memory → driver → memory with kills: none lost, order kept',
  timeoutMs: 300_000,
  unasked: features =>
    features.durable ? undefined : 'the broker keeps nothing without a consumer (features.durable)',
  async run(lab) {
    const hub = new MemoryHub({ record: true })
    const broker = hub.broker('ends')
    const sent = Array.from({ length: COUNT }, (_, n) => {
      const body = { key: `key-${n % KEYS}`, n }
      return lab.message({ key: body.key, bytes: Buffer.from(JSON.stringify(body)) })
    })
    const place = broker.create('in', { mode: 'queue' })
    for (const message of sent) place.append(store(message))
    broker.create('out', { mode: 'queue' })
    const routes = await bothWays(lab)
    const arrived = () => broker.ledger!.published('out')
    const distinct = () => new Set(arrived().map(stored => stored.id)).size
    for (let life = 0; life <= KILLS; life++) {
      const goal = life === KILLS ? COUNT : Math.min(COUNT, distinct() + COUNT / (KILLS + 2))
      await oneLife(lab, hub, routes, () => distinct() >= goal)
    }
    const first = [...new Set(arrived().map(stored => stored.id))]
    const keyOf = new Map(sent.map(({ id, key }) => [id, key]))
    for (let key = 0; key < KEYS; key++) {
      const wanted = sent.filter(message => message.key === `key-${key}`).map(({ id }) => id)
      assert.deepEqual(
        first.filter(id => keyOf.get(id) === `key-${key}`),
        wanted,
        `key-${key}: all of it, in order`,
      )
    }
  },
}

/** `there` carries what waits in memory to an address of the driver, `back` carries it on into memory. */
async function bothWays(lab: Lab): Promise<readonly RouteConfig[]> {
  const address = await lab.address()
  const { source, sink } = lab.driver.schema
  const common = {
    enabled: true,
    transform: [],
    order: { by: '${body.key}' },
    retry: { attempts: 1_000, backoff: { initial: '10ms', max: '500ms', factor: 2, jitter: 0.2 } },
    inFlight: 100,
    decode: 'json',
    batch: { size: 20, bytes: '1MiB', linger: '1ms', concurrency: 4 },
    slow: '0',
  } as const
  const end = (connection: string, options: unknown) => ({ connection, options: options as Record<string, unknown> })
  const middle = { to: withDefaults(sink, address.sink), from: withDefaults(source, address.source('line')) }
  return [
    { ...common, name: 'there', from: end('memory', { address: 'in' }), to: end(UNDER_TEST, middle.to) },
    { ...common, name: 'back', from: end(UNDER_TEST, middle.from), to: end('memory', { address: 'out' }) },
  ]
}

/** One gateway, from its start until `enough`; then it is killed without a drain, and nothing of it reaches memory any more. */
async function oneLife(lab: Lab, hub: MemoryHub, routes: readonly RouteConfig[], enough: () => boolean): Promise<void> {
  const memory = createMemoryDriver({ hub })
  const { driver, testbed } = lab
  const middle = { ...driver, name: UNDER_TEST, schemes: [], connect: driver.connect.bind(driver) }
  const options = withDefaults(driver.schema.connection, testbed.connection()) as Record<string, unknown>
  const gateway = new Gateway({
    config: {
      connections: new Map([
        ['memory', { name: 'memory', driver: memory.name, options: { url: 'memory://ends' } }],
        [UNDER_TEST, { name: UNDER_TEST, driver: UNDER_TEST, options }],
      ]),
      routes: new Map(routes.map(route => [route.name, route])),
      plugins: undefined,
      admin: false,
      memory: '64MiB',
      slow: '0',
      shutdown: { drain: '0' },
      reload: { watch: false },
      log: { level: 'error', format: 'json' },
    },
    registry: new Registry().add({ name: 'conformance', drivers: [memory, middle] }),
    log: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
    baseDir: process.cwd(),
  })
  gateway.start()
  try {
    const end = performance.now() + 2 * lab.patienceMs
    while (!enough()) {
      assert(performance.now() < end, `the line stands still: ${JSON.stringify(gateway.status)}`)
      await sleep(5)
    }
  } finally {
    memory.kill()
    await gateway.stop(0)
  }
}
