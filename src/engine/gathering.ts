import { randomUUID } from 'node:crypto'
import type { RouteConfig, StepConfig } from '../config/schema.ts'
import type { Gather, WindowRules } from '../core/gather.ts'
import type { Log, Transform } from '../core/ports.ts'
import type { Registry } from '../core/registry.ts'
import { Batches, type BatchesOptions } from './batches.ts'
import type { Blockades } from './blockades.ts'
import { Collector } from './collector.ts'
import type { Conditions } from './conditions.ts'
import { MergedLine, type MergedLineOptions } from './merged.ts'
import { probeBackoff } from './outlet.ts'
import { PaneMemory } from './pane-memory.ts'
import { Panes } from './panes.ts'
import type { PipelineOptions } from './pipeline-options.ts'
import { Stores } from './stores.ts'
import type { RouteMetrics } from './telemetry.ts'

/** How long a claim holds should the process die while it shares the store. */
const CLAIM_LEASE = 600_000
/** At most one warning in this time, in ms, that windows close early. */
const QUIET = 60_000

/** The part of a line that makes one message of many. */
export interface Gathering {
  readonly collector: NonNullable<PipelineOptions['collector']>
  /** Publishes what a killed process left behind. Throws STORE_AWAY. */
  begin(): Promise<void>
}

export interface GatheringParts
  extends Pick<MergedLineOptions, 'publisher' | 'retry' | 'turn' | 'retried' | 'blocked'> {
  readonly route: RouteConfig
  readonly registry: Registry
  readonly conditions: Conditions
  readonly metrics: RouteMetrics
  readonly stores?: Stores | undefined
  readonly baseDir: string
  readonly log: Log
  readonly lag?: () => number | undefined
  readonly redrive?: boolean
  readonly order: PipelineOptions['order']
  readonly blockades: Blockades
  /** Closes what was opened, in reverse order. */
  readonly stack: AsyncDisposableStack
  readonly signal: AbortSignal
}

/** Wires the step that gathers, with the steps behind it. Opens the store of windows, starts nothing else. */
export async function openGathering(
  parts: GatheringParts,
  step: StepConfig,
  after: Transform | undefined,
): Promise<Gathering> {
  const { route, registry, metrics, blockades, lag = () => undefined } = parts
  const { publisher, retry, turn, retried, blocked } = parts
  const gather = registry.gathers.get(step.name)!.gather(step.options)
  const line = new MergedLine({
    ...{ publisher, retry, turn, retried, blocked },
    transform: after,
    putsAside: route.deadLetter !== undefined,
    left: item => blockades.left(item),
  })
  const common = {
    ...{ route: route.name, gather, line },
    unordered: route.order === 'none',
    closed: (closing: Parameters<BatchesOptions['closed']>[0]) => metrics.gathered(closing),
  }
  const memory = gather.window === undefined ? undefined : await openMemory(parts, gather.window)
  let collector: Collector | undefined
  let panes: Panes | undefined
  return {
    collector: settlement => {
      if (memory !== undefined) {
        const suffix = parts.redrive === true ? `/redrive-${randomUUID().slice(0, 8)}` : ''
        panes = new Panes({ ...common, memory, suffix, again: part => collector!.add(part) }, settlement, parts.signal)
      }
      const out = panes ?? new Batches({ ...common, order: parts.order }, settlement)
      const crowded = warner(parts, step.name, gather)
      collector = new Collector({ gather, out, inFlight: route.inFlight, lag, crowded }, settlement)
      return collector
    },
    async begin() {
      await panes?.begin()
    },
  }
}

async function openMemory(parts: GatheringParts, { remember, count, store }: WindowRules): Promise<PaneMemory> {
  const { route, registry, baseDir, log, conditions, stack, signal } = parts
  // The running gateway owns the store: what is redriven has new ids and is no copy.
  const { name, options } = parts.redrive === true ? { name: 'memory', options: {} } : store
  const opened = await (parts.stores ?? new Stores()).use(registry.stores.get(name)!, options, {
    name: `${route.name}:window`,
    baseDir,
    maxKeys: count,
    log,
  })
  stack.use(opened)
  return new PaneMemory(
    {
      store: opened,
      remember,
      lease: CLAIM_LEASE,
      backoff: probeBackoff(route),
      status: error =>
        error === undefined ? conditions.clear('window store') : conditions.raise('window store', error),
    },
    signal,
  )
}

// Invariant 8: who gets more and smaller windows than was asked for learns why.
function warner({ route, log }: GatheringParts, step: string, gather: Gather): (groups: number) => void {
  let warned = Number.NEGATIVE_INFINITY
  let count = 0
  return groups => {
    count += groups
    const now = performance.now()
    if (now - warned < QUIET) return
    warned = now
    const what = gather.window === undefined ? 'batch(es)' : 'window(s)'
    log.warn(
      { route: route.name, step, count, inFlight: route.inFlight },
      `route ${route.name}: ${count} ${what} closed before their time, for the line is full of messages that wait in them; raise \`inFlight\` (${route.inFlight}) or \`memory\``,
    )
    count = 0
  }
}
