import { expect } from 'vitest'
import { messages } from '../streams/account.ts'
import type { Outgoing } from '../streams/ends.ts'
import { GatewayFolder, type GatewayProcess } from './gateway-process.ts'
import { Stage, type StageOptions } from './stage.ts'
import { judge, settledUp, type Verdict } from './verdict.ts'

export interface Carriage extends StageOptions {
  /** For the line of the report. */
  readonly what: string
  /** Default 20,000. */
  readonly count?: number
  /** Default 200. */
  readonly keys?: number
  /** Messages per second; default 4,000. */
  readonly rate?: number
  /** Breaks something in mid-stream, and mends it. Answers with the gateway that goes on, where it is another one. */
  fault(
    stage: Stage,
    stream: Stream,
    gateway: GatewayProcess,
    folder: GatewayFolder,
  ): Promise<GatewayProcess> | Promise<void>
}

export interface Stream {
  /** Puts more into the source, breaks something while it flows, and waits until much of it is through all the same. */
  through(fault: () => Promise<void> | void): Promise<void>
}

const MORE = 5_000
/** What is in flight at the time of the fault is less. */
const THROUGH = 2_500

/**
 * Loads the source, runs a gateway process at a measured pace, breaks something in mid-stream, waits until all is carried,
 * stops the gateway as SIGTERM does, and counts at the target.
 */
export async function carry(carriage: Carriage): Promise<Verdict> {
  const { what, count = 20_000, keys = 200, rate = 4_000, route = '', fault } = carriage
  const stage = await Stage.open({ ...carriage, route: `    rate: ${rate}/s\n${route}` })
  const sent: Outgoing[] = []
  const feed = async (more: number) => {
    const batch = messages({ count: more, keys, size: 200, name: `${sent.length}.` })
    sent.push(...batch)
    await stage.load(batch)
  }
  const through = async (broken: () => Promise<void> | void) => {
    await feed(MORE)
    const before = await stage.gauge.reaches(1)
    expect(before, 'the fault comes in mid-stream').toBeLessThan(sent.length - THROUGH)
    await broken()
    await stage.gauge.reaches(before + THROUGH)
  }
  await feed(count)
  using folder = new GatewayFolder(stage.routes)
  await using gateways = new AsyncDisposableStack()
  let gateway = gateways.use(await folder.start())
  const at = await stage.gauge.reaches(count / 8)
  expect(at, 'the fault comes in mid-stream').toBeLessThan(count * 0.8)
  const next = await fault(stage, { through }, gateway, folder)
  if (next) gateway = gateways.use(next)
  await settledUp(stage, () => gateway.tail)
  expect(await gateway.stop(), 'the exit code').toBe(0)
  await stage.close()
  const verdict = await judge(stage, what, sent)
  expect(gateway.noise, 'nothing but log lines').toEqual([])
  return verdict
}
