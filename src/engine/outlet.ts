import type { RouteConfig } from '../config/schema.ts'
import { featuresOf } from '../core/features.ts'
import type { EndpointContext, Log, Transactions } from '../core/ports.ts'
import type { Registry } from '../core/registry.ts'
import { bytes, milliseconds } from '../core/schema.ts'
import type { BackoffOptions } from './backoff.ts'
import type { Conditions, Endpoint } from './conditions.ts'
import type { Connections } from './connections.ts'
import { type DeadLetters, DeadLetterWriter, Discard } from './dead-letter.ts'
import { Gate } from './gate.ts'
import { closeQuietly } from './patience.ts'
import { Publisher } from './publisher.ts'
import { Target } from './target.ts'

/** Longest waits before the first and between all probes of an endpoint that is away, in ms. */
const FIRST_PROBE = 100
const LATER_PROBES = 5_000

export interface OutletParts {
  readonly route: RouteConfig
  readonly registry: Registry
  readonly connections: Connections
  readonly conditions: Conditions
  readonly context: (part: Endpoint) => EndpointContext
  readonly log: Log
  /** What the sinks on the connection of the source take part in. */
  readonly transactions: Transactions | undefined
  /** Seconds one publish call to the target took. */
  readonly published: (seconds: number) => void
  /** A gate opened or closed, or the last refused dead letter was taken. */
  readonly moved: () => void
  /** The dead-letter window is full: the route must stop. */
  readonly tripped: () => void
  /** Closes what was opened, in reverse order. */
  readonly stack: AsyncDisposableStack
  /** Ends all probing and publishing. */
  readonly signal: AbortSignal
}

/** A sink with its gate and publisher: the route's target, or its dead-letter target. */
export interface Outlet {
  readonly target: Target
  readonly gate: Gate
  readonly publisher: Publisher
}

export function openOutlet(parts: OutletParts, part: Exclude<Endpoint, 'source'>, to: RouteConfig['to']): Outlet {
  const { route, registry, connections, conditions, stack, signal, log } = parts
  const lease = connections.use(to.connection)
  stack.defer(() => closeQuietly(lease, `connection ${to.connection} of route ${route.name}`, log))
  const transactions = tied(parts, to) ? parts.transactions : undefined
  const target = new Target(lease.connection, to.options, { ...parts.context(part), transactions })
  stack.defer(() => closeQuietly(target, `the ${part} of route ${route.name}`, log))
  const gate = new Gate(
    {
      backoff: probeBackoff(route),
      probe: abort => target.probe(abort),
      changed: (_state, error) => {
        if (error === undefined) conditions.clear(part)
        else conditions.raise(part, error)
        parts.moved()
      },
    },
    signal,
  )
  const features = featuresOf(registry.drivers.get(connections.driverOf(to.connection))!, 'sink', to.options)
  const publisher = new Publisher(
    {
      publish: (messages, abort, runs) => target.publish(messages, abort, runs),
      gate,
      count: route.batch.size,
      bytes: bytes(route.batch.bytes),
      linger: milliseconds(route.batch.linger),
      // Dead letters are few, and one batch at a time keeps their order through an outage.
      concurrency: part === 'target' ? route.batch.concurrency : 1,
      window: features.orderedBatch ? route.batch.size : 1,
      observe: seconds => {
        if (part === 'target') parts.published(seconds)
      },
    },
    signal,
  )
  return { target, gate, publisher }
}

const tied = ({ route, transactions }: OutletParts, to: RouteConfig['to']) =>
  transactions !== undefined && to.connection === route.from.connection

/** Where a route puts aside what cannot go on. */
export interface DeadLetterOutlet {
  /** Undefined where nothing is written. */
  readonly publisher: Publisher | undefined
  /** They are part of the route's transactions; else they are written at least once. */
  readonly tied: boolean
  readonly letters: DeadLetters
  /** Dead letters cannot be written now: nothing more may be taken. */
  readonly closed: boolean
  /** A message did well. */
  passed(): void
}

/** undefined = nothing is put aside. */
export function openDeadLetters(parts: OutletParts): DeadLetterOutlet | undefined {
  const { route, conditions, signal } = parts
  if (route.deadLetter === undefined) return undefined
  if (route.deadLetter === 'discard')
    return { publisher: undefined, tied: false, letters: new Discard(), closed: false, passed() {} }
  const { gate, publisher } = openOutlet(parts, 'dead letter', route.deadLetter)
  const letters = new DeadLetterWriter(
    {
      route: route.name,
      publisher,
      backoff: backoffOf(route),
      window: route.deadLetter.window,
      tripped: error => {
        conditions.raise('window', error)
        parts.tripped()
      },
      failed: error => conditions.raise('dead letter', error),
      recovered: () => {
        if (gate.state === 'open') conditions.clear('dead letter')
        parts.moved()
      },
    },
    signal,
  )
  return {
    publisher,
    tied: tied(parts, route.deadLetter),
    letters,
    get closed() {
      return gate.state !== 'open' || letters.refused > 0
    },
    passed: () => letters.passed(),
  }
}

export function backoffOf(route: RouteConfig): BackoffOptions {
  const { initial, max, factor, jitter } = route.retry.backoff
  return { initial: milliseconds(initial), max: milliseconds(max), factor, jitter }
}

/** Waits between probes of an endpoint that is away: the route's own backoff, within what a person would wait for. */
export function probeBackoff(route: RouteConfig): BackoffOptions {
  const { initial, max, ...rest } = backoffOf(route)
  return { initial: Math.min(initial, FIRST_PROBE), max: Math.min(max, LATER_PROBES), ...rest }
}
