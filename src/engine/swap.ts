import type { RouteConfig } from '../config/schema.ts'
import { asSluiceError } from '../core/errors.ts'
import type { Log } from '../core/ports.ts'
import type { Conditions } from './conditions.ts'
import type { Line } from './line.ts'
import { closeQuietly, within } from './patience.ts'
import type { Track, Way } from './track.ts'

/** A line that was built beside the one that runs. */
export interface Successor<Deps> {
  readonly config: RouteConfig
  readonly deps: Deps
  readonly line: Line
  /** Its own: what it says of its target counts from the moment it takes over. */
  readonly conditions: Conditions
}

export interface SwapOptions {
  readonly old: Line
  readonly next: Line
  readonly way: Way
  readonly track: Track
  /** Until nothing is on the old line, or it is not worth waiting any longer. */
  readonly drain: () => Promise<void>
  /** From now on the route's line is the next one. */
  readonly install: () => void
  /** The route stops: the old line stays. */
  readonly signal: AbortSignal
  readonly log: Log
}

/** Longest wait, in ms, for the next line's target to open while the old line still carries. */
const OPENING = 5_000

/**
 * The next line takes over while the source stays open. Its target is opened beside; one that is away holds the route behind
 * the switch, as it does at a start. False: the route stops, and nothing has changed.
 */
export async function swapLine(options: SwapOptions): Promise<boolean> {
  const { old, next, way, track, signal, log } = options
  try {
    await within(next.begin(signal), { ms: OPENING, signal, what: 'opening the target' })
  } catch (error) {
    if (signal.aborted) return false
    next.hold(asSluiceError(error, 'UNAVAILABLE'))
  }
  track.hold()
  await options.drain()
  if (signal.aborted) {
    track.go()
    return false
  }
  old.pipeline.close()
  const left = old.pipeline.handOver()
  const what = `the former line of route ${way.config.name}`
  // Invariant 4: what is still on its way to the old target is there, or lost, before the next line sends it again.
  if (left.length > 0) await closeQuietly(old, what, log)
  options.install()
  // Invariant 3: the deliveries go on to be settled, none is given back.
  next.pipeline.admit(left)
  track.go(way)
  await closeQuietly(old, what, log)
  return true
}
