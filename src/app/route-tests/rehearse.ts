import { setTimeout as sleep } from 'node:timers/promises'
import type { Config, RouteConfig } from '../../config/schema.ts'
import { asSluiceError, describe, type SluiceError } from '../../core/errors.ts'
import type { Delivery, Log } from '../../core/ports.ts'
import { quiet } from '../../core/quiet-log.ts'
import type { Registry } from '../../core/registry.ts'
import { milliseconds } from '../../core/schema.ts'
import { type Condition, Conditions } from '../../engine/conditions.ts'
import { Connections } from '../../engine/connections.ts'
import type { Item } from '../../engine/item.ts'
import { type DeadLetter, readLetter } from '../../engine/letter.ts'
import { Line } from '../../engine/line.ts'
import { Nudge } from '../../engine/nudge.ts'
import { Telemetry } from '../../engine/telemetry.ts'
import { ShiftedClock } from './clock.ts'
import { givenMessage } from './given.ts'
import { type Published, standIns } from './stand-in.ts'
import type { Advance, GivenMessage } from './test-schema.ts'

export interface Stage {
  readonly config: Config
  readonly registry: Registry
  readonly baseDir: string
  readonly log: Log
  /** Longest time one test may take, in ms. */
  readonly timeoutMs: number
}

export interface PutAside {
  readonly letter: DeadLetter
  /** Undefined: it was dropped (`deadLetter: discard`). */
  readonly published: Published | undefined
}

/** What came of the messages of one test. */
export interface Outcome {
  readonly messages: readonly Published[]
  readonly deadLetters: readonly PutAside[]
  /** Error code and text of the first message that blocks its key. */
  readonly blocked: Condition | undefined
  readonly filtered: number
  readonly deduplicated: number
  readonly late: number
  /** Why the test did not come to its end, if it did not. */
  readonly stuck: string | undefined
}

/** Timers of batches and windows look so often, in ms of the real clock: after twice that they have seen what time it is. */
const LOOKS = 200
/** With nothing but blocked messages and copies on the line, and nothing moving for so long (ms), no more will come. */
const STILL = 150
/** How long a message waits that blocks its key: longer than any test. */
const FOR_EVER = '1h'

/** Sends messages through the line of a route, with stand-ins for its brokers. Throws what the route's transforms throw when they are made. */
export async function rehearse(
  route: RouteConfig,
  given: readonly (GivenMessage | Advance)[],
  stage: Stage,
): Promise<Outcome> {
  await using stack = new AsyncDisposableStack()
  const clock = stack.use(new ShiftedClock())
  const play = new Play(route, stage)
  const line = stack.use(await play.line())
  const deadline = AbortSignal.timeout(stage.timeoutMs)
  await line.begin(deadline)
  let position = 0
  for (const scene of scenes(given)) {
    if ('advance' in scene) {
      clock.advance(milliseconds(scene.advance))
      if (line.pipeline.held > 0) await sleep(LOOKS)
    } else line.pipeline.admit(scene.messages.map(one => delivery(one, route, ++position)))
    await play.settled(line, deadline)
  }
  line.pipeline.flush()
  await play.settled(line, deadline, true)
  return play.outcome(line, deadline.aborted)
}

/** One performance: hears everything that leaves the line. */
class Play {
  readonly #route: RouteConfig
  readonly #stage: Stage
  readonly #conditions: Conditions
  readonly #nudge = new Nudge()
  readonly #messages: Published[] = []
  readonly #deadLetters: PutAside[] = []
  readonly #counts = { filtered: 0, deduplicated: 0, late: 0 }
  #moves = 0

  constructor(route: RouteConfig, stage: Stage) {
    this.#route = rehearsed(route)
    this.#stage = stage
    this.#conditions = new Conditions(route.name, quiet)
  }

  line(): Promise<Line> {
    const { config, baseDir, log } = this.#stage
    const registry = standIns(this.#stage.registry, (options, published) => this.#published(options, published))
    const route = this.#route
    return Line.create({
      route,
      mark: route.name,
      registry,
      connections: new Connections(config.connections, registry, baseDir, log),
      conditions: this.#conditions,
      metrics: new Telemetry().route(route.name),
      context: () => ({ route: route.name, inFlight: route.inFlight, inFlightBytes: 2 ** 28, log, status: () => {} }),
      baseDir,
      log,
      left: item => this.#left(item),
      moved: () => this.#moved(),
      tripped: () => {},
    })
  }

  /** Until what is on the line is gone, or waits for ever, or for others to come, which at the end is over. */
  async settled({ pipeline }: Line, deadline: AbortSignal, end = false): Promise<void> {
    let moves = this.#moves
    let since = process.hrtime.bigint()
    while (!deadline.aborted && pipeline.inFlight > (end ? 0 : pipeline.held)) {
      const now = process.hrtime.bigint()
      if (moves !== this.#moves || pipeline.lanes.held < pipeline.lanes.all) {
        moves = this.#moves
        since = now
      } else if (now - since > BigInt(STILL) * 1_000_000n) return
      await this.#nudge.wait(5, deadline)
    }
  }

  outcome({ pipeline }: Line, late: boolean): Outcome {
    const blocked = this.#conditions.list.find(({ part }) => part === 'message')
    const others = this.#conditions.list.filter(({ part }) => part !== 'message')
    const why = others.map(({ part, code, message }) => `${part}: ${code}: ${message}`).join('; ')
    const unfinished = late || (pipeline.inFlight > 0 && blocked === undefined)
    return {
      messages: this.#messages,
      deadLetters: this.#deadLetters,
      blocked,
      ...this.#counts,
      stuck: unfinished
        ? `${pipeline.inFlight} message(s) did not come to an end${why === '' ? '' : `: ${why}`}`
        : undefined,
    }
  }

  #published(options: unknown, published: Published): void {
    this.#moved()
    if (options === this.#route.to.options) this.#messages.push(published)
    else this.#deadLetters.push({ letter: readLetter(published.message), published })
  }

  #left(item: Item): void {
    this.#moved()
    if (item.outcome === 'discarded') this.#deadLetters.push({ letter: discarded(item), published: undefined })
    if (item.outcome in this.#counts) this.#counts[item.outcome as 'filtered']++
  }

  #moved(): void {
    this.#moves++
    this.#nudge.nudge()
  }
}

// What stays of a route without brokers: no answers come, no transaction is needed, and waiting for a retry shows nothing.
function rehearsed(route: RouteConfig): RouteConfig {
  const { deadLetter } = route
  return {
    ...route,
    reply: undefined,
    delivery: undefined,
    retry: {
      ...route.retry,
      backoff: { initial: '1ms', max: deadLetter === undefined ? FOR_EVER : '1ms', factor: 1, jitter: 0 },
    },
    deadLetter: typeof deadLetter === 'object' ? { ...deadLetter, window: undefined } : deadLetter,
  }
}

type Scene = Advance | { readonly messages: GivenMessage[] }

// Messages that follow each other arrive together, as they do from a broker.
function scenes(given: readonly (GivenMessage | Advance)[]): readonly Scene[] {
  const all: Scene[] = []
  for (const one of given) {
    const last = all.at(-1)
    if ('advance' in one) all.push(one)
    else if (last !== undefined && 'messages' in last) last.messages.push(one)
    else all.push({ messages: [one] })
  }
  return all
}

function delivery(given: GivenMessage, route: RouteConfig, position: number): Delivery {
  return { message: givenMessage(given, route, position), expired: false, ack() {}, release() {} }
}

function discarded(item: Item): DeadLetter {
  const { message, stage, attempts, firstFailure, lastFailure } = item
  const { code, message: why } = item.poison as SluiceError
  const { id, subject, key, headers, bytes, timestamp, source } = message
  const facts = { reason: code, message: why, stage, attempts, firstFailure, lastFailure, route: '' }
  return { ...facts, id, subject, key, headers: headers.entries, bytes, timestamp, source }
}

/** What made a rehearsal impossible, in a sentence. */
export const impossible = (error: unknown): string => `the route cannot be built: ${describe(asSluiceError(error))}`
