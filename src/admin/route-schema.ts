import { type Static, Type } from 'typebox'
import { Closed } from '../core/schema.ts'
import type { RouteState } from '../engine/conditions.ts'

const nullable = (description: string) => Type.Union([Type.Number({ minimum: 0 }), Type.Null()], { description })
const Count = (description: string) => Type.Integer({ minimum: 0, description })
const Rate = (description: string) => Type.Number({ minimum: 0, description })

const STATES: readonly (RouteState | 'disabled')[] = [
  'starting',
  'running',
  'paused',
  'holding',
  'blocked',
  'stopped',
  'draining',
  'ended',
  'disabled',
]

const StateSchema = Type.Unsafe<RouteState | 'disabled'>({
  type: 'string',
  enum: STATES,
  description:
    '`holding`: waits for a broker and goes on by itself. `blocked`: somebody has to act. `stopped`: too many dead letters; needs a restart. `paused`: an operator keeps it from receiving.',
})

const EndSchema = Closed(
  { connection: Type.String(), driver: Type.String(), address: Type.String({ description: 'In words.' }) },
  { title: 'End' },
)
export type EndView = Static<typeof EndSchema>

const ConditionSchema = Closed(
  {
    part: Type.String(),
    code: Type.String(),
    message: Type.String(),
    hint: Type.String(),
    since: Type.String({ description: 'ISO 8601.' }),
  },
  { title: 'Condition' },
)

const Rates = Closed(
  { received: Rate('Per second.'), settled: Rate('Per second.'), deadLettered: Rate('Per second.') },
  { description: 'Over the last five seconds.' },
)

const ROUTE = {
  name: Type.String(),
  state: StateSchema,
  conditions: Type.Array(ConditionSchema, { description: 'Why it stands still; empty when it runs.' }),
  from: EndSchema,
  to: EndSchema,
  deadLetter: Type.Union([EndSchema, Type.Literal('discard'), Type.Null()], {
    description: 'Where poison goes; null = it blocks its lane.',
  }),
  transforms: Type.Array(Type.String(), { description: 'Names of its steps, in order.' }),
  received: Count('Since the route was started.'),
  settled: Count('Since the route was started.'),
  deadLettered: Count('Since the route was started.'),
  rates: Rates,
  latency: Closed(
    { p50Ms: nullable('Half of the messages took at most this.'), p99Ms: nullable('99 of 100 took at most this.') },
    { description: 'From receipt to the acknowledgement at the source, over the last five seconds; null = none.' },
  ),
  lag: nullable('Messages waiting in the source; null = unknown.'),
  lagOf: Type.Unsafe<'gateway' | 'group'>({
    type: 'string',
    enum: ['gateway', 'group'],
    description:
      '`gateway`: `lag` is what waits for this gateway alone, so that the lags of replicas add up. `group`: what waits for all of them.',
  }),
  inFlight: Count('Received and not settled.'),
  inFlightLimit: Count('Most in flight.'),
  heldLanes: Count('Ordering keys that wait for another attempt.'),
  oldestMs: nullable('How long the oldest message in flight has been, in ms; null = none is.'),
  workers: Type.Optional(
    Type.Array(
      Closed({
        worker: Type.Integer({ minimum: 1 }),
        state: Type.Union([StateSchema, Type.Null()], { description: 'null = it does not answer.' }),
        received: Count('Since the route was started there.'),
        settled: Count('Since the route was started there.'),
        deadLettered: Count('Since the route was started there.'),
        rates: Rates,
        lag: nullable('As this worker sees it.'),
        inFlight: Count('Received and not settled.'),
      }),
      {
        description:
          'Of `sluice run --workers`: each worker. What is beside it is the worst state, and the sum of counts and rates; of latencies and ages the longest.',
      },
    ),
  ),
}

export const RouteSchema = Closed(ROUTE, { title: 'Route' })
export type RouteView = Static<typeof RouteSchema>

export const RouteDetailsSchema = Closed(
  {
    ...ROUTE,
    counts: Type.Record(Type.String(), Type.Number(), {
      description: 'How messages ended, since the route was started.',
    }),
    requests: Type.Optional(
      Type.Record(Type.String(), Type.Number(), { description: 'Of a route with `reply`: how requests ended.' }),
    ),
    errors: Type.Array(
      Closed({
        at: Type.String({ description: 'ISO 8601.' }),
        where: Type.String({ description: 'Part of the route, or stage of the line.' }),
        code: Type.String(),
        message: Type.String(),
        hint: Type.String(),
        count: Type.Integer({ minimum: 1, description: 'How often in a row.' }),
      }),
      { description: 'The last errors, newest first.' },
    ),
  },
  { title: 'RouteDetails' },
)
export type RouteDetails = Static<typeof RouteDetailsSchema>

/** How grave a state is, the gravest first. */
export const GRAVEST: readonly RouteView['state'][] = [
  'stopped',
  'blocked',
  'holding',
  'ended',
  'draining',
  'starting',
  'paused',
  'running',
  'disabled',
]

const Points = Type.Array(Type.Union([Type.Number(), Type.Null()]))
export const HistorySchema = Closed(
  {
    everyMs: Type.Integer({ description: 'Between two points.' }),
    routes: Type.Record(
      Type.String(),
      Closed({
        received: Points,
        settled: Points,
        deadLettered: Points,
        lag: Points,
        inFlight: Points,
        oldestMs: Points,
        p50Ms: Points,
        p99Ms: Points,
      }),
      { description: 'By name; oldest point first; null = unknown.' },
    ),
  },
  { title: 'History' },
)
export type History = Static<typeof HistorySchema>
