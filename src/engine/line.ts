import type { SluiceError } from '../core/errors.ts'
import { featuresOf } from '../core/features.ts'
import type { Transactions } from '../core/ports.ts'
import { bytes } from '../core/schema.ts'
import { Blockades } from './blockades.ts'
import type { Gate } from './gate.ts'
import { type Gathering, openGathering } from './gathering.ts'
import { Hops } from './hops.ts'
import type { InDoubt } from './in-doubt.ts'
import type { Item } from './item.ts'
import { doubts, openDedup } from './line-dedup.ts'
import type { LineParts } from './line-parts.ts'
import { orderOf, transforms } from './line-steps.ts'
import { markTraced, routeTracing } from './line-tracing.ts'
import { openTransactions } from './line-transactions.ts'
import {
  backoffOf,
  type DeadLetterOutlet,
  type Outlet,
  type OutletParts,
  openDeadLetters,
  openOutlet,
} from './outlet.ts'
import { Pipeline } from './pipeline.ts'
import { RequestReply } from './request-reply.ts'
import { Stillness } from './stillness.ts'
import type { Target } from './target.ts'

/** What a line consists of once it is wired. */
interface Wired {
  readonly pipeline: Pipeline
  readonly out: Outlet
  readonly dead: DeadLetterOutlet | undefined
  readonly inDoubt: InDoubt | undefined
  readonly transactions: Transactions | undefined
  readonly gathering: Gathering | undefined
  readonly reply: RequestReply | undefined
}

/** A route's line, wired: everything between the source and the confirmation. Opens stores, starts nothing else. */
export class Line implements AsyncDisposable {
  readonly pipeline: Pipeline
  readonly #target: Target
  readonly #inDoubt: InDoubt | undefined
  readonly #gathering: Gathering | undefined
  readonly #reply: RequestReply | undefined
  /** Of `delivery: exactly-once`: what the source takes part in. */
  readonly transactions: Transactions | undefined
  readonly #gate: Gate
  readonly #dead: DeadLetterOutlet | undefined
  readonly #stack: AsyncDisposableStack
  readonly #abort: AbortController

  private constructor(wired: Wired, stack: AsyncDisposableStack, abort: AbortController) {
    this.pipeline = wired.pipeline
    this.transactions = wired.transactions
    this.#target = wired.out.target
    this.#inDoubt = wired.inDoubt
    this.#gathering = wired.gathering
    this.#reply = wired.reply
    this.#gate = wired.out.gate
    this.#dead = wired.dead
    this.#stack = stack
    this.#abort = abort
  }

  /** Throws what the transforms' and stores' own creation throws; nothing is left open then. */
  static async create(parts: LineParts): Promise<Line> {
    await using stack = new AsyncDisposableStack()
    const abort = new AbortController()
    stack.defer(() => abort.abort())
    const { route, registry, connections, conditions, metrics } = parts
    const at = route.transform.findIndex(step => registry.gathers.has(step.name))
    const transform = await transforms(parts, at < 0 ? route.transform : route.transform.slice(0, at))
    const { dedup, store } = (await openDedup(parts, stack, abort.signal)) ?? {}
    const published = (seconds: number) => metrics.published(seconds)
    const stillness = new Stillness(conditions, abort.signal)
    const transactions = openTransactions(parts, stillness, stack)
    const outlets: OutletParts = { ...parts, published, transactions, stack, signal: abort.signal }
    const out = openOutlet(outlets, 'target', route.to)
    const inDoubt =
      dedup === undefined ? undefined : doubts(parts, { store: store!, dedup, out, merged: at >= 0 }, stack)
    const dead = openDeadLetters(outlets)
    const reply = openReply(outlets, parts, out)
    const blockades = new Blockades(conditions)
    const { to } = route
    const features = featuresOf(registry.drivers.get(connections.driverOf(to.connection))!, 'sink', to.options)
    const order = orderOf(route, features)
    const traced = routeTracing(parts)
    const mark = inDoubt === undefined ? reply?.mark : inDoubt.mark.bind(inDoubt)
    const shared = {
      publisher: out.publisher,
      retry: { attempts: route.retry.attempts, backoff: backoffOf(route) },
      turn: { count: features.orderedBatch ? route.batch.size : 1, bytes: bytes(route.batch.bytes) },
      retried: (item: Item) => {
        traced?.retried(item)
        metrics.retried()
        parts.moved()
      },
      blocked: (item: Item) => blockades.add(item),
    }
    const gathering =
      at < 0
        ? undefined
        : await openGathering(
            { ...parts, ...shared, order, stack, signal: abort.signal, blockades },
            route.transform[at]!,
            await transforms(parts, route.transform.slice(at + 1), false),
          )
    const pipeline = new Pipeline({
      ...shared,
      order,
      hops: new Hops(parts.mark),
      dedup,
      transform: transform === undefined ? undefined : (traced?.transforms(transform) ?? transform),
      tap: parts.tap,
      mark: traced === undefined ? mark : markTraced(traced, mark),
      received: traced && (items => traced.received(items)),
      collector: gathering?.collector,
      deadLetters: dead?.letters,
      requests: reply?.requests,
      left: item => {
        if (item.outcome === 'delivered' || item.outcome === 'filtered') dead?.passed()
        blockades.left(item)
        if (transactions !== undefined) stillness.left(item)
        traced?.left(item)
        parts.left(item)
      },
    })
    const publishers = dead?.tied === true ? [out.publisher, dead.publisher!] : [out.publisher]
    if (transactions !== undefined) stillness.watch(publishers, pipeline.unfinished)
    return new Line({ pipeline, out, dead, inDoubt, transactions, gathering, reply }, stack.move(), abort)
  }

  /**
   * Proves that the target is there, settles what a killed process left behind, and opens the way back of requests. Call
   * before anything is received. Throws a SluiceError.
   */
  async begin(signal: AbortSignal): Promise<void> {
    await this.#target.probe(signal)
    await this.#inDoubt?.begin(signal)
    await this.#gathering?.begin()
    await this.#reply?.begin(signal)
  }

  /**
   * The target is away, dead letters cannot be written, or requests cannot be answered: what is on the line stays there, and
   * nothing more should come.
   */
  get closed(): boolean {
    return this.#gate.state !== 'open' || this.#dead?.closed === true || this.#reply?.closed === true
  }

  /** The target is away: nothing goes out before a probe finds it back. Call before anything is received. */
  hold(error: SluiceError): void {
    this.#gate.close(error)
  }

  /** Requests sent and not answered; undefined on a route without `reply`. */
  get pendingRequests(): number | undefined {
    return this.#reply?.requests.pending
  }

  /** Gives up what is under way and closes everything in reverse order. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.pipeline.close()
    this.#abort.abort()
    await this.#stack.disposeAsync()
  }
}

function openReply(outlets: OutletParts, parts: LineParts, out: Outlet): RequestReply | undefined {
  if (parts.route.reply === undefined) return undefined
  const timedOut = () => {
    if (out.gate.state !== 'open') out.publisher.sweep()
  }
  const reply = new RequestReply({ ...outlets, metrics: parts.metrics.requests, timedOut })
  outlets.stack.use(reply)
  return reply
}
