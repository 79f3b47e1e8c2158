import type { Driver } from '../core/ports.ts'
import { bytes } from '../core/schema.ts'
import type { RouteConfig } from './schema.ts'
import { isMapping, type Scope } from './scope.ts'

/** What only shows when a step that gathers is seen together with its route. */
export function checkGather(route: RouteConfig, sink: Driver | undefined, scope: Scope): void {
  const { gathers } = scope.context.registry
  const base = ['routes', route.name, 'transform']
  const places = route.transform.flatMap(({ name }, at) => (gathers.has(name) ? [at] : []))
  const [place, second] = places
  if (place === undefined) return
  const { name, options } = route.transform[place]!
  if (second !== undefined)
    scope.report(
      [...base, second, route.transform[second]!.name],
      `a route gathers once, and "${name}" above does it already`,
      'Let a second route gather what this one sends.',
      { atKey: true },
    )
  if (!isMapping(options)) return
  const { count, late, as, bytes: size } = options
  const split = route.transform.slice(0, place).some(step => step.name === 'split')
  if (typeof count === 'number' && count > route.inFlight && !split)
    scope.report(
      [...base, place, name, 'count'],
      `a batch of ${count} never fills: the route holds ${route.inFlight} messages at most (inFlight)`,
      `Raise \`inFlight\` of the route to ${count} or more, or gather fewer.`,
    )
  if (late === 'deadLetter' && route.deadLetter === undefined)
    scope.report(
      [...base, place, name, 'late'],
      'late messages cannot be dead-lettered: the route has no deadLetter',
      'Add `deadLetter` to the route, or use `late: drop`.',
    )
  if (typeof size === 'string' && as !== 'messages' && sink !== undefined && bytes(size) > sink.features.maxBytes)
    scope.warn(
      [...base, place, name, 'bytes'],
      `a batch of ${size} may be larger than ${sink.name} takes by default (${sink.features.maxBytes} bytes)`,
      'Make it smaller, or raise the limit of the target; a batch that is too large is dead-lettered.',
    )
  if (typeof options['remembered'] === 'number' && options['remembered'] < 2 * route.inFlight)
    scope.report(
      [...base, place, name, 'remembered'],
      `${options['remembered']} messages are fewer than may come again after a kill (inFlight is ${route.inFlight})`,
      'Make it several times `inFlight`, or leave it out.',
    )
}

/** Who writes a step as an option of the route is told where it belongs: `batch` means something else there. */
export function hintAtSteps({ issues }: Scope): void {
  for (const [at, issue] of issues.entries()) {
    const [root, , option, inner] = issue.path
    if (root !== 'routes' || issue.atKey !== true) continue
    if (option === 'window' && inner === undefined)
      issues[at] = { ...issue, hint: 'A window is a step: `transform: [{ window: { every: 5s, … } }]`.' }
    if (option === 'batch' && STEP_OPTIONS.has(String(inner)))
      issues[at] = {
        ...issue,
        hint: 'To make one message of many, write it as a step: `transform: [{ batch: { count: 100, every: 1s } }]`. Here, `size` and `linger` say how publishing is batched.',
      }
  }
}

const STEP_OPTIONS: ReadonlySet<string> = new Set(['count', 'every', 'as', 'key'])
