import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { GatherFactory } from '../../src/core/gather.ts'
import { encodeBody } from '../../src/core/message.ts'
import { milliseconds } from '../../src/core/schema.ts'
import type { FaultRates } from '../../src/drivers/memory/faults.ts'
import { WINDOW_HEADERS, window } from '../../src/transforms/window.ts'
import { effort } from '../effort.ts'
import { Lab, route, until } from './lab.ts'

const share = (max: number) => fc.integer({ min: 0, max: max * 100 }).map(percent => percent / 100)
const rates: fc.Arbitrary<FaultRates> = fc.record({
  nack: share(0.2),
  loseConfirm: share(0.1),
  unavailable: share(0.03),
  breakPublish: share(0.03),
  breakReceive: share(0.03),
  redeliver: share(0.1),
  storeMs: fc.integer({ min: 0, max: 3 }),
  confirmMs: fc.integer({ min: 0, max: 3 }),
  ackMs: fc.integer({ min: 0, max: 3 }),
})

const scenario = fc.record({
  seed: fc.integer(),
  from: fc.constantFrom('queue' as const, 'log' as const),
  to: fc.constantFrom('queue' as const, 'log' as const),
  orderedBatch: fc.boolean(),
  here: rates,
  there: rates,
  keys: fc.integer({ min: 1, max: 6 }),
  kills: fc.integer({ min: 0, max: 3 }),
  event: fc.boolean(),
  every: fc.constantFrom('20ms', '100ms', '1s'),
  late: fc.constantFrom('drop' as const, 'deadLetter' as const),
  /** Of the times of the messages, in ms. */
  disorder: fc.constantFrom(0, 0, 150),
  lateness: fc.constantFrom('0', '50ms', '200ms'),
  inFlight: fc.constantFrom(20, 60, 400),
  split: fc.boolean(),
  dedup: fc.boolean(),
})

const COUNT = 200

interface Body {
  readonly key: string
  readonly start: string
  readonly count: number
  readonly members: readonly number[]
}

interface Piece {
  readonly n: number
  readonly key: string
  readonly at: number
}

/** A window that says which messages are in it. */
const listing: GatherFactory = {
  name: 'listing',
  schema: window.schema,
  gather(options) {
    const inner = window.gather(options)
    return {
      ...inner,
      merge(members, frame) {
        const merged = inner.merge(members, frame)
        const all = members.map(({ message }) => (message.body as Piece).n)
        return merged.with({ bytes: encodeBody({ ...(merged.body as object), members: all }, 'json') })
      },
    }
  },
}

describe('windows under random faults, kills and restarts', () => {
  test('every message is counted in exactly one window, which is always the same', async () => {
    await fc.assert(
      fc.asyncProperty(scenario, async run => {
        const folder = mkdtempSync(join(tmpdir(), 'sluice-windows-'))
        try {
          await check(run, folder)
        } finally {
          rmSync(folder, { recursive: true })
        }
      }),
      { numRuns: Number(process.env.SLUICE_RUNS ?? effort(25)), endOnFailure: true },
    )
  })
})

async function check(run: typeof scenario extends fc.Arbitrary<infer T> ? T : never, folder: string): Promise<void> {
  const lab = new Lab({
    seed: run.seed,
    from: run.from,
    to: run.to,
    orderedBatch: run.orderedBatch,
    baseDir: folder,
    plugins: [{ name: 'test', gathers: [listing] }],
  })
  const sent = new Map<number, string>()
  for (let n = 0; n < COUNT; n++) {
    const key = `k${n % run.keys}`
    const parts = run.split && n % 3 === 0 ? 2 : 1
    const all = Array.from({ length: parts }, (_, part) => ({
      n: n * 2 + part,
      key,
      at: 1_000_000 + n * 7 + jitter(n, run.disorder),
    }))
    for (const one of all) sent.set(one.n, key)
    lab.send({ key, id: `${key}/${n}`, body: all })
  }
  lab.here.faults.set(run.here)
  lab.there.faults.set(run.there)
  const store = { name: 'file', options: {} }
  const config = route({
    order: 'source',
    inFlight: run.inFlight,
    retry: { attempts: 1_000 },
    ...(run.dedup ? { dedup: { by: '${id}', window: '10m', count: 10_000, store: 'file', options: {} } } : {}),
    transform: [
      { name: 'split', options: '${body}', timeout: '30s' },
      {
        name: 'listing',
        timeout: '30s',
        options: {
          every: run.every,
          key: '${body.key}',
          aggregate: { count: true },
          ...(run.event ? { time: '${body.at}', lateness: run.lateness, idle: '60ms', late: run.late } : {}),
          store,
        },
      },
    ],
  })
  let { gateway, kill } = lab.start([config])
  const stored = () => lab.there.ledger?.published('out') ?? []
  const settled = () => lab.here.ledger?.deliveries.filter(({ outcome }) => outcome === 'acked').length ?? 0
  for (let n = 0; n < run.kills; n++) {
    const enough = settled() + COUNT / 8
    await until('some passed', () => settled() >= enough || left(lab) === 0)
    await kill()
    ;({ gateway, kill } = lab.start([config]))
  }
  await until('all settled', () => left(lab) === 0 && gateway.status[0]?.inFlight === 0)
  lab.here.faults.clear()
  lab.there.faults.rates = {}
  await until('all settled', () => left(lab) === 0 && gateway.status[0]?.inFlight === 0)
  const late = await metric(gateway.metrics(), 'sluice_late_total')
  await gateway.stop(5_000)

  // The same id is the same content, whoever removes the copies, and however.
  const windows = new Map<string, string>()
  for (const { id, bytes } of stored()) {
    const text = String(bytes)
    expect(windows.get(id) ?? text).toBe(text)
    windows.set(id, text)
  }
  const bodies = [...windows.values()].map(text => JSON.parse(text) as Body)
  for (const { key, count, members } of bodies) {
    expect(members.length).toBe(count)
    for (const n of members) expect(sent.get(n)).toBe(key)
  }
  const counted = bodies.flatMap(body => body.members)
  expect(new Set(counted).size, 'nothing is counted twice').toBe(counted.length)
  const dead = (lab.there.ledger?.published('dead') ?? []).flatMap(({ bytes }) => JSON.parse(String(bytes)) as Piece[])
  const inTime = !run.event || run.disorder <= milliseconds(run.lateness)
  if (inTime) expect([late, dead]).toEqual([0, []])
  if (inTime || run.late === 'deadLetter')
    expect(new Set([...counted, ...dead.map(({ n }) => n)])).toEqual(new Set(sent.keys()))
  else expect(counted.length).toBeLessThanOrEqual(sent.size)
  if (!inTime && !run.split && run.late === 'deadLetter')
    for (const { n } of dead)
      if (run.here.redeliver === 0 && run.here.breakReceive === 0 && run.kills === 0) expect(counted).not.toContain(n)
  // The windows of a key leave in their order. Where the messages themselves are out of order, one that had to close before its time
  // (nothing came, or nothing more could be held) may be followed by a rest of the window before.
  const early = stored().some(({ headers }) => ['idle', 'crowded'].includes(headers.text(WINDOW_HEADERS.closed)!))
  if (inTime && (run.disorder === 0 || !early))
    for (let k = 0; k < run.keys; k++) {
      const starts = bodies.filter(({ key }) => key === `k${k}`).map(({ start }) => start)
      if (run.kills === 0 && run.here.breakReceive === 0) expect(starts).toEqual(starts.toSorted())
    }
  expect(lab.here.ledger?.settledTwice()).toEqual([])
}

// Messages in the source that are not settled for good.
function left(lab: Lab): number {
  const acked = new Set(lab.here.ledger?.deliveries.filter(({ outcome }) => outcome === 'acked').map(({ id }) => id))
  return COUNT - acked.size + lab.here.unsettled('in')
}

const jitter = (n: number, most: number) => (most === 0 ? 0 : -((n * 7919) % most))

async function metric(text: Promise<string>, name: string): Promise<number> {
  const line = (await text).split('\n').find(each => each.startsWith(`${name}{`))
  return line === undefined ? 0 : Number(line.slice(line.lastIndexOf(' ')))
}
