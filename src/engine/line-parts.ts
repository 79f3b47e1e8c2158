import type { RouteConfig } from '../config/schema.ts'
import type { EndpointContext, Log } from '../core/ports.ts'
import type { Registry } from '../core/registry.ts'
import type { Conditions, Endpoint } from './conditions.ts'
import type { Connections } from './connections.ts'
import type { Item } from './item.ts'
import type { Stores } from './stores.ts'
import type { Tap } from './tap.ts'
import type { RouteMetrics } from './telemetry.ts'
import type { Tracing } from './tracing.ts'

/** What a line is wired from. */
export interface LineParts {
  readonly route: RouteConfig
  /** Identifies the route in `sluice-hops`. */
  readonly mark: string
  readonly registry: Registry
  readonly connections: Connections
  /** Absent: stores are opened for this line alone. */
  readonly stores?: Stores | undefined
  readonly conditions: Conditions
  readonly metrics: RouteMetrics
  readonly context: (part: Endpoint) => EndpointContext
  readonly baseDir: string
  readonly log: Log
  readonly left: (item: Item) => void
  readonly tap?: Tap
  /** Absent: nothing is traced. */
  readonly tracing?: Tracing | undefined
  /** Messages waiting in the source, as far as that is known. */
  readonly lag?: () => number | undefined
  /** Dead letters go through it, beside the running gateway, which owns the stores. */
  readonly redrive?: boolean
  /** A gate opened or closed, or an item will be tried again. */
  readonly moved: () => void
  /** The dead-letter window is full: the route must stop. */
  readonly tripped: () => void
}
