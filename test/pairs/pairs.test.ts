import { randomUUID } from 'node:crypto'
import { afterAll, describe, expect, test } from 'vitest'
import { startBroker } from '../brokers/broker.ts'
import { given } from '../brokers/given.ts'
import { GatewayFolder } from '../faults/gateway-process.ts'
import { Carriage } from './carriage.ts'
import { MeteredGateway } from './gateway.ts'
import { kinds, type PairKind } from './kinds.ts'

const report: string[] = []
afterAll(() => console.log(report.join('\n')))

const routesOf = (carriages: readonly Carriage[], url: string) =>
  JSON.stringify({
    version: 1,
    admin: { port: 0 },
    connections: {
      ...Object.fromEntries(kinds.map(kind => [kind.name, { url: given(kind.broker).url }])),
      target: { url },
    },
    routes: Object.fromEntries(carriages.map(carriage => [carriage.name, carriage.route])),
  })

// All five sources feed one target through one gateway, which is killed twice; the target is restarted once. A source that
// keeps nothing is fed while a gateway listens, and what it was fed is through before that is killed; a target that keeps
// nothing is restarted while no gateway runs. That is what core NATS is.
async function carryAll(
  target: PairKind,
  carriages: readonly Carriage[],
  folder: GatewayFolder,
  restart: () => Promise<void>,
) {
  const names = carriages.map(carriage => carriage.name)
  const byName = new Map(carriages.map(carriage => [carriage.name, carriage]))
  const start = async (life: number) => {
    const gateway = await MeteredGateway.start(folder)
    await gateway.each(names, 'the routes run', ({ up }) => up)
    for (const carriage of carriages) await carriage.feed(life)
    return gateway
  }
  // So many, or all there are: what is between the source and the gateway shows in neither, but not for half a second.
  const through = (gateway: MeteredGateway, life: number, count: number) => {
    const still = new Map<string, { delivered: number; since: number }>()
    return gateway.each(names, 'messages are through', async ({ delivered, inFlight }, name) => {
      const carriage = byName.get(name)!
      if (carriage.source.fleeting) return delivered === carriage.part(life).length
      if (delivered >= count) return true
      if (inFlight > 0 || (await carriage.left()) > 0) return false
      const { delivered: before, since } = still.get(name) ?? { delivered: -1, since: 0 }
      if (before === delivered) return performance.now() - since > 500
      still.set(name, { delivered, since: performance.now() })
      return false
    })
  }
  {
    await using gateway = await start(0)
    await through(gateway, 0, 300)
  }
  if (target.fleeting) await restart()
  {
    await using gateway = await start(1)
    if (!target.fleeting) {
      await gateway.each(names, 'messages flow', ({ delivered }) => delivered >= 100)
      await restart()
    }
    await through(gateway, 1, 400)
  }
  await using gateway = await start(2)
  await through(gateway, 2, Number.POSITIVE_INFINITY)
  expect(await gateway.process.stop(), gateway.process.tail).toBe(0)
  expect(gateway.process.noise, 'nothing but log lines').toEqual([])
}

describe.each(kinds)('into $name', target => {
  test('from every source: gateway killed twice, target restarted, nothing lost, order kept, all as it was', async () => {
    await using broker = await startBroker(target.broker, { instance: `pairs-${target.name}` })
    await using stack = new AsyncDisposableStack()
    const run = randomUUID().slice(0, 6)
    const carriages: Carriage[] = []
    for (const source of kinds)
      carriages.push(stack.use(await Carriage.open(source, given(source.broker), target, broker, run)))
    using folder = new GatewayFolder(routesOf(carriages, broker.url))
    await carryAll(target, carriages, folder, () => broker.restart())
    for (const carriage of carriages) {
      const { acknowledged, duplicated, ...result } = await carriage.count()
      const copies = [...duplicated.values()].reduce((sum, count) => sum + count, 0)
      report.push(
        `${carriage.source.name} → ${target.name}: acknowledged ${acknowledged}, lost ${result.lost.length}, ` +
          `out of order ${result.disordered.length}, duplicated ${copies}`,
      )
      expect(await carriage.putAside(), `${carriage.name}: nothing is put aside`).toBe(0)
      expect({ pair: carriage.name, ...result }).toEqual({
        pair: carriage.name,
        ok: acknowledged,
        lost: [],
        recovered: [],
        unexpected: [],
        disordered: [],
        altered: [],
        headers: [],
      })
    }
  })
})
