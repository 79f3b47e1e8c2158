import { Type } from 'typebox'
import { Closed } from '../core/schema.ts'

const ProblemSchema = Closed(
  {
    severity: Type.Union([Type.Literal('error'), Type.Literal('warning')]),
    file: Type.String(),
    line: Type.Integer({ minimum: 0, description: 'From 1; 0 = no place in the file.' }),
    col: Type.Integer({ minimum: 0 }),
    width: Type.Integer({ minimum: 1 }),
    path: Type.String(),
    message: Type.String(),
    hint: Type.Optional(Type.String()),
  },
  { title: 'Problem' },
)

const PlanSchema = Closed(
  {
    changes: Type.Array(
      Closed({
        kind: Type.Union(['start', 'stop', 'swap', 'restart'].map(kind => Type.Literal(kind))),
        route: Type.String(),
        paths: Type.Array(Type.String(), { description: 'What changed, as places in the file; never values.' }),
      }),
      { description: 'In the order in which they are applied. `swap`: the source stays open.' },
    ),
    process: Type.Array(Type.String(), { description: 'Changed options that only a restart of the process applies.' }),
    hash: Type.String({ description: 'For If-Match.' }),
  },
  { title: 'Plan' },
)

export const PlanAnswerSchema = Closed(
  {
    ok: Type.Boolean({ description: 'There is a plan.' }),
    plan: Type.Optional(PlanSchema),
    problems: Type.Array(ProblemSchema),
  },
  { title: 'PlanAnswer' },
)

export const ReloadSchema = Closed(
  {
    ok: Type.Boolean(),
    at: Type.String({ description: 'ISO 8601.' }),
    trigger: Type.Union(['start', 'file', 'signal', 'api'].map(trigger => Type.Literal(trigger))),
    version: Type.String({ description: 'Of the configuration that runs now.' }),
    plan: Type.Optional(PlanSchema),
    problems: Type.Array(ProblemSchema),
    error: Type.Optional(Type.String({ description: 'Why the plan was refused or rolled back.' })),
  },
  { title: 'Reload' },
)
