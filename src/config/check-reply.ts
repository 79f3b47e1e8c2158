import { featuresOf } from '../core/features.ts'
import type { Features } from '../core/ports.ts'
import { milliseconds } from '../core/schema.ts'
import type { CheckedEndpoint } from './check-endpoint.ts'
import type { Path } from './problem.ts'
import type { ReplyConfig } from './route-schema.ts'
import { isMapping, type Mapping, type Scope } from './scope.ts'

const DEFAULTS: ReplyConfig = { timeout: '5s' }
const SHORTEST = 10
const LONGEST = 3_600_000
/** Steps that make several messages of one, or one of several: whose answer would it be? */
const UNFIT = ['split', 'batch', 'window']

type Part = 'source' | 'sink'

interface Ends {
  readonly from: CheckedEndpoint | undefined
  readonly to: CheckedEndpoint | undefined
  /** The route with its defaults; undefined where it is wrong. */
  readonly frame: Mapping | undefined
}

/** Checks `reply` of a route against its ends and what stands between them. Undefined = it has none. */
export function checkReply(raw: Mapping, ends: Ends, route: Path, scope: Scope): ReplyConfig | undefined {
  const written = raw['reply']
  if (written !== true && !isMapping(written)) return undefined
  const path = [...route, 'reply']
  const { from, to, frame } = ends
  combinations(raw, route, scope)
  for (const [part, option, end, does] of [
    ['source', 'from', from, 'answer what it reads there'],
    ['sink', 'to', to, 'hear answers there'],
  ] as const)
    if (end !== undefined && fits(part, end, [...route, option], scope) && !can(part, end))
      scope.report(
        path,
        `a route with reply cannot ${does}: ${end.driver.name} (${option}) does not support it`,
        CAN_HINT,
      )
  const reply = { ...DEFAULTS, ...(isMapping(frame?.['reply']) ? frame['reply'] : {}) } as ReplyConfig
  if (frame === undefined) return reply
  const ms = milliseconds(reply.timeout)
  if (ms < SHORTEST || ms > LONGEST)
    scope.report([...path, 'timeout'], `timeout must be 10ms to 1h, not ${reply.timeout}`, 'For example: timeout: 5s')
  const shared = to !== undefined && repliesOf('sink', to) === 'shared'
  if (shared && reply.address === undefined)
    scope.report(
      path,
      `reply needs an address where answers from ${to.driver.name} arrive`,
      'For example: reply: { address: shop.replies }. All gateways may share it.',
    )
  if (shared && reply.address !== undefined)
    for (const [option, value] of Object.entries(to.config?.options ?? {}))
      if (value === reply.address)
        scope.report(
          [...path, 'address'],
          `answers would arrive where requests go: ${option} of the target is ${reply.address}, too`,
          'Give them an address of their own.',
        )
  return reply
}

const CAN_HINT = 'Leave `reply` out, or use a connection whose driver can bridge requests and replies.'

// False: the driver has said itself what is wrong with the options.
function fits(part: Part, { driver, config }: CheckedEndpoint, path: Path, scope: Scope): boolean {
  return config === undefined || scope.further(() => driver.checkReply?.(part, config.options), path)
}

// Of options that are wrong anyway it may not be known.
function can(part: Part, end: CheckedEndpoint): boolean {
  return repliesOf(part, end) !== undefined || (end.config === undefined && end.driver.featuresOf !== undefined)
}

function repliesOf(part: Part, { driver, config }: CheckedEndpoint): Features['replies'] {
  return config === undefined ? driver.features.replies : featuresOf(driver, part, config.options).replies
}

function combinations(raw: Mapping, route: Path, scope: Scope): void {
  if (raw['dedup'] !== undefined)
    scope.report(
      [...route, 'dedup'],
      'dedup does not go with reply: a copy of a request would be acknowledged without an answer',
      'Leave `dedup` out; let the responder recognise copies.',
      { atKey: true },
    )
  const steps = Array.isArray(raw['transform']) ? (raw['transform'] as readonly unknown[]) : []
  for (const [index, step] of steps.entries())
    for (const name of UNFIT)
      if (isMapping(step) && name in step)
        scope.report(
          [...route, 'transform', index, name],
          `${name} does not go with reply: a request goes on as one message and has one answer`,
          `Leave \`${name}\` out, or split and gather at the responder.`,
          { atKey: true },
        )
}
