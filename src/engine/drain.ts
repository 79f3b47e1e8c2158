import type { Conditions } from './conditions.ts'
import type { Nudge } from './nudge.ts'
import type { Pipeline } from './pipeline.ts'

/** A drain that makes no progress, because something stands in the way, is not waited for longer than this, in ms. */
export const HOPELESS = 1_000

/** Until nothing is in flight, the deadline, or, with something in the way, a while without any progress. */
export async function drain(
  pipeline: Pipeline | undefined,
  conditions: Conditions,
  nudge: Nudge,
  deadline: AbortSignal,
): Promise<void> {
  let left = Number.POSITIVE_INFINITY
  let moved = performance.now()
  pipeline?.flush()
  while (!deadline.aborted) {
    const inFlight = pipeline?.inFlight ?? 0
    if (inFlight === 0) return
    if (inFlight < left) moved = performance.now()
    left = inFlight
    if (conditions.dammed && performance.now() - moved > HOPELESS) return
    await nudge.wait(50, deadline)
  }
}

/** Until nothing is in flight but what waits in batches and windows for others, or `signal` aborts. */
export async function settled(pipeline: Pipeline, nudge: Nudge, signal: AbortSignal): Promise<void> {
  while (pipeline.inFlight > pipeline.held && !signal.aborted) await nudge.wait(1_000, signal)
}
