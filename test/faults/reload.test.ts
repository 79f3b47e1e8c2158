import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { queryObjects } from 'node:v8'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import type { ReloadResult } from '../../src/admin/reloading.ts'
import { Line } from '../../src/engine/line.ts'
import { Route } from '../../src/engine/route.ts'
import { serving } from '../app/served.ts'
import { until } from '../streams/ends.ts'
import { Brokers } from './arena.ts'
import { FIRST, ReloadStage, type Wishes } from './reload-stage.ts'

/** Change it to see another order; it is part of every message. */
const SEED = Number(process.env['SLUICE_RELOAD_SEED'] ?? 20_261_126)
const RELOADS = 100

let brokers: Brokers
beforeAll(async () => {
  brokers = await Brokers.start('reload')
})
afterAll(async () => brokers?.[Symbol.asyncDispose]())

function dice(seed: number): (sides: number) => number {
  let state = seed >>> 0
  return sides => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * sides)
  }
}

const BROKEN: readonly ((text: string) => string)[] = [
  text => text.slice(0, text.length / 2),
  text => text.replace('"inFlight"', '"inflight"'),
  text => text.replace('${headers.key}', '${headers.key'),
  () => '',
]

test(`${RELOADS} reloads in random order under load lose nothing, keep the order and leave nothing behind`, async () => {
  const roll = dice(SEED)
  const dir = mkdtempSync(join(tmpdir(), 'sluice-reloads-'))
  onTestFinished(() => rmSync(dir, { recursive: true }))
  const file = join(dir, 'routes.yaml')
  await using stage = await ReloadStage.open(brokers)
  stage.write(file, FIRST)
  const { gateway, reloader, stop } = await serving(file)
  const said = () => `seed ${SEED}; ${JSON.stringify(gateway.status)}`
  const steady = () =>
    until(said, () => gateway.status.every(route => route.state === 'running' && route.conditions.length === 0))
  await steady()
  stage.feed()
  await until(said, () => gateway.status.every(route => route.settled > 50))
  const before = footprint(brokers)

  let wishes = FIRST
  const done: Record<string, number[]> = {}
  const times = (kind: string) => (done[kind] ??= [])
  const apply = async (what: string): Promise<ReloadResult> => {
    const began = performance.now()
    const result = await reloader.apply('api')
    times(what).push(performance.now() - began)
    return result
  }
  const fine = ({ ok, error }: ReloadResult) => expect({ ok, error }, said()).toEqual({ ok: true, error: undefined })
  const wish = (next: Partial<Wishes>) => {
    wishes = { ...wishes, ...next }
    stage.write(file, wishes)
  }
  const way = () => (roll(3) === 0 ? 'kr' : 'rk')
  const change = (which: 'rk' | 'kr', next: Partial<Wishes['rk']>) => wish({ [which]: { ...wishes[which], ...next } })
  const other = (which: 'rk' | 'kr') => (wishes[which].target === 0 ? 1 : 0)

  const actions: readonly (readonly [weight: number, name: string, act: (n: number) => Promise<void>])[] = [
    [
      21,
      'swap of transforms',
      async n => {
        const which = way()
        change(which, { mark: n })
        const result = await apply('swap')
        fine(result)
        expect(result.plan?.changes).toMatchObject([{ kind: 'swap', route: wishes[which].name }])
      },
    ],
    [
      16,
      'other target',
      async () => {
        const which = way()
        change(which, { target: other(which) })
        fine(await apply('swap'))
      },
    ],
    [
      8,
      'restart',
      async n => {
        const which = way()
        change(which, { inFlight: 400 + n })
        const result = await apply(`restart ${which}`)
        fine(result)
        expect(result.plan?.changes).toMatchObject([{ kind: 'restart', route: wishes[which].name }])
      },
    ],
    [
      8,
      'rename',
      async n => {
        const which = way()
        change(which, { name: `${which}-${n}` })
        fine(await apply(`rename ${which}`))
      },
    ],
    [
      14,
      'add or remove',
      async n => {
        const { more } = wishes
        wish({ more: more.length > 0 && roll(2) === 0 ? more.slice(1) : [...more, `more-${n}`] })
        fine(await apply('add or remove'))
      },
    ],
    [
      12,
      'broken file',
      async () => {
        const { version } = reloader.last
        writeFileSync(file, BROKEN[roll(BROKEN.length)]!(stage.yaml(wishes)))
        expect(await apply('broken')).toMatchObject({ ok: false, version, plan: undefined })
        stage.write(file, wishes)
      },
    ],
    [
      8,
      'two at once',
      async n => {
        change('rk', { mark: n })
        const first = apply('two at once')
        change('kr', { mark: n, target: other('kr') })
        for (const result of await Promise.all([first, apply('two at once')])) fine(result)
      },
    ],
    [
      5,
      'during a drain',
      async n => {
        brokers.kafkaProxy.delay(150)
        change('rk', { inFlight: 300 + n })
        const first = apply('during a drain')
        await sleep(20)
        change('rk', { mark: n, target: other('rk') })
        const second = apply('during a drain')
        await sleep(100)
        brokers.kafkaProxy.delay(0)
        for (const result of await Promise.all([first, second])) fine(result)
      },
    ],
    [
      8,
      'during an outage',
      async n => {
        const proxy = roll(2) === 0 ? brokers.rabbitmqProxy : brokers.kafkaProxy
        await proxy.cut()
        if (roll(2) === 0) change(way(), { mark: n })
        else change('rk', { target: other('rk'), inFlight: 400 + n })
        fine(await apply('during an outage'))
        await proxy.restore()
        await steady()
      },
    ],
  ]
  const total = actions.reduce((sum, [weight]) => sum + weight, 0)
  const seen = new Map<string, number>()
  for (let n = 1; n <= RELOADS; n++) {
    let at = roll(total)
    const [, name, act] = actions.find(([weight]) => (at -= weight) < 0)!
    seen.set(name, (seen.get(name) ?? 0) + 1)
    await act(n)
    await sleep(roll(60))
  }
  expect(seen.size, 'every kind of reload was among them').toBe(actions.length)

  wishes = FIRST
  stage.write(file, FIRST)
  fine(await reloader.apply('api'))
  await steady()
  let now = before
  await until(
    () => `the footprint is what it was; ${JSON.stringify({ before, now })}`,
    async () => {
      // Looking stops the process for a while.
      await sleep(1_500)
      now = footprint(brokers)
      return near(now, before)
    },
  )
  const series = (await gateway.metrics()).split('\n').flatMap(line => /route="([^"]+)"/.exec(line)?.[1] ?? [])
  expect(new Set(series)).toEqual(new Set(['rk', 'kr']))
  await stage.end()
  await until(said, async () => (await stage.left()) === 0 && gateway.status.every(route => route.inFlight === 0))
  await stop()
  expect(gateway.openConnections.size).toBe(0)
  const { rk, kr } = await stage.count()
  const middle = (list: readonly number[]) => Math.round(list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)]!)
  for (const [what, list] of Object.entries(done))
    console.log(`${what}: ${list.length}, median ${middle(list)} ms, longest ${Math.round(Math.max(...list))} ms`)
  console.log(`seed ${SEED}: ${JSON.stringify({ rk, kr })}`)
  expect({ rk, kr }, `seed ${SEED}`).toMatchObject({ rk: { lost: 0, disordered: 0 }, kr: { lost: 0, disordered: 0 } })
})

interface Footprint {
  readonly atRabbit: number
  readonly toRabbit: number
  readonly toKafka: number
  readonly sockets: number
  readonly routes: number
  readonly lines: number
}

/** Connections to a port of this machine, as the kernel has them: the broker's management lists closed ones for a while. */
function established(port: number): number {
  const rows = ['tcp', 'tcp6'].flatMap(table => readFileSync(`/proc/net/${table}`, 'utf8').trim().split('\n').slice(1))
  const end = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  return rows.filter(row => {
    const [, local = '', , state] = row.trim().split(/\s+/)
    return local.endsWith(end) && state === '01'
  }).length
}

/** What the gateway holds at its brokers and in this process, after everything that nobody holds was freed. */
function footprint({ rabbitmq, rabbitmqProxy, kafkaProxy }: Brokers): Footprint {
  const count = (type: typeof Route | typeof Line) =>
    queryObjects(type as never, { format: 'count' }) as unknown as number
  return {
    atRabbit: established(Number(new URL(rabbitmq.url).port)),
    toRabbit: rabbitmqProxy.connections,
    toKafka: kafkaProxy.connections,
    sockets: process.getActiveResourcesInfo().filter(each => each.startsWith('TCP')).length,
    routes: count(Route),
    lines: count(Line),
  }
}

/** Nothing more than before. */
function near(now: Footprint, before: Footprint): boolean {
  return (Object.keys(before) as (keyof Footprint)[]).every(what => now[what] <= before[what])
}
