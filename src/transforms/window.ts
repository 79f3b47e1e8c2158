import { type Static, Type } from 'typebox'
import { SluiceError } from '../core/errors.ts'
import { compileTemplate, type Expression } from '../core/expression.ts'
import type { Frame, Gather, GatherFactory, Member } from '../core/gather.ts'
import { encodeBody, type Message } from '../core/message.ts'
import type { OptionProblem } from '../core/ports.ts'
import { Closed, Duration, milliseconds, Template } from '../core/schema.ts'
import { AGGREGATES, type AggregateName, Aggregation } from './aggregate.ts'
import { agreed } from './agreed.ts'
import { groupKey } from './group-key.ts'

/** Headers of what a window leaves behind. Times are ISO 8601, UTC. */
export const WINDOW_HEADERS = {
  start: 'sluice-window-start',
  end: 'sluice-window-end',
  /** How many messages are in it. */
  count: 'sluice-window-count',
  /** 0 for the first that left for this key and time. */
  pane: 'sluice-window-pane',
  /** Why it closed: `time`, `idle`, `crowded` or `drain`. */
  closed: 'sluice-window-closed',
} as const

/** A clock may be so far ahead of ours, in ms. One message from next year must not make all others late. */
const MOST_AHEAD = 300_000

const columns = (name: AggregateName) =>
  Type.Optional(
    Type.Union([Template(), Type.Record(Type.String({ minLength: 1 }), Template(), { minProperties: 1 })], {
      description: `${AGGREGATES[name].description} One value, or several by name.`,
    }),
  )

const schema = Closed(
  {
    every: Duration({
      description: 'Length of a window. Windows begin at whole multiples of it, counted from 1970 in UTC.',
    }),
    key: Type.Optional(
      Template({
        description:
          'One window for each value, which becomes the key of the aggregate. Default: one for all messages.',
        examples: ['${headers.user_id}'],
      }),
    ),
    aggregate: Closed(
      {
        count: columns('count'),
        sum: columns('sum'),
        min: columns('min'),
        max: columns('max'),
        avg: columns('avg'),
        first: columns('first'),
        last: columns('last'),
      },
      {
        minProperties: 1,
        description:
          'What is made of the messages of a window: one or more of count, sum, min, max, avg, first and last.',
        examples: [{ count: true, sum: '${body.total}' }],
      },
    ),
    time: Type.Optional(
      Template({
        default: 'processing',
        description:
          '`processing`: the time of receipt decides which window a message belongs to; `event`: its own `timestamp`; or an expression that gives milliseconds since 1970 or an ISO 8601 text.',
        examples: ['event', '${body.at}'],
      }),
    ),
    lateness: Type.Optional(
      Duration({
        default: '0',
        description:
          'How far a message may be behind the latest one of its partition or queue. A window closes so long after its end, in event time.',
      }),
    ),
    idle: Type.Optional(
      Duration({
        description:
          'A partition or queue that is silent for so long is not waited for, so that the last windows close, too. Only with event time. Default: `every`.',
      }),
    ),
    late: Type.Optional(
      Type.Union(
        [
          Type.Literal('drop', { description: 'Counted (`sluice_late_total`) and acknowledged.' }),
          Type.Literal('deadLetter', { description: 'Dead-lettered with the reason LATE.' }),
        ],
        { default: 'drop', description: 'What becomes of a message whose window has closed. Only with event time.' },
      ),
    ),
    remember: Type.Optional(
      Duration({
        default: '1d',
        description: 'How long it is remembered what left, so that a redelivery is not counted again.',
      }),
    ),
    remembered: Type.Optional(
      Type.Integer({
        default: 1_000_000,
        minimum: 1,
        maximum: 1_000_000_000,
        description: 'Most messages remembered; the oldest are forgotten first. Several times `inFlight`, at least.',
      }),
    ),
    store: Type.Optional(
      Type.Union([Type.String({ minLength: 1 }), Type.Object({})], {
        default: 'file',
        description: 'Where it is remembered, as in `dedup`. With `memory`, a kill may count messages twice.',
      }),
    ),
  },
  { description: 'Makes one message of all that fall into the same time, for each key. See docs/windows.md.' },
)

type Options = Static<typeof schema>

/** `window: { every: 5s, key: ${…}, aggregate: { count: true } }` — one aggregate per key and time. */
export const window: GatherFactory = {
  name: 'window',
  schema,

  check(options) {
    const given = options as Options
    const problems: OptionProblem[] = []
    if (milliseconds(given.every) === 0)
      problems.push({ path: ['every'], message: 'a window of no length holds nothing', hint: 'E.g. `every: 5s`.' })
    const time = given.time ?? 'processing'
    if (typeof time !== 'string' || (time !== 'processing' && time !== 'event' && !time.includes('${')))
      problems.push({
        path: ['time'],
        message: 'time is `processing`, `event` or an expression',
        hint: 'E.g. `time: ${body.at}`.',
      })
    if (time === 'processing')
      for (const option of ['lateness', 'idle', 'late'] as const)
        if (given[option] !== undefined)
          problems.push({
            path: [option],
            message: `${option} means nothing with processing time: no message is late then`,
            hint: 'Add `time: event` or `time: ${…}`, or leave it out.',
          })
    return [...problems, ...counts(given)]
  },

  gather(options): Gather {
    const given = options as Options
    const every = milliseconds(given.every)
    const key = groupKey(given.key, 'window')
    const time = timeOf(given.time ?? 'processing', milliseconds(given.lateness ?? '0'))
    const aggregation = new Aggregation(given.aggregate)
    const store = given.store ?? 'file'
    return {
      every,
      window: {
        eventTime: time !== undefined,
        lateness: milliseconds(given.lateness ?? '0'),
        idle: given.idle === undefined ? every : milliseconds(given.idle),
        late: given.late ?? 'drop',
        remember: milliseconds(given.remember ?? '1d'),
        count: given.remembered ?? 1_000_000,
        store: typeof store === 'string' ? { name: store, options: {} } : (store as { name: string; options: unknown }),
      },
      take: message => ({
        key: key(message),
        value: aggregation.read(message),
        time: time?.(message),
        size: message.size,
      }),
      merge: (members, frame) => merge(members, frame, aggregation),
    }
  },
}

// `count: 5` or `count: yes` would count nothing, or anything.
function counts({ aggregate }: Options): readonly OptionProblem[] {
  const { count } = aggregate
  const all: readonly (readonly [(string | number)[], unknown])[] =
    typeof count === 'object'
      ? Object.entries(count).map(([name, value]) => [['aggregate', 'count', name], value])
      : [[['aggregate', 'count'], count]]
  return all
    .filter(([, value]) => value !== undefined && value !== true && !String(value).includes('${'))
    .map(([path]) => ({
      path,
      message: 'count is `true`, or an expression that is true for what is counted',
      hint: 'E.g. `count: true`, or `count: ${body.total > 100}`.',
    }))
}

function timeOf(time: string | number | boolean, lateness: number): ((message: Message) => number) | undefined {
  if (time === 'processing') return undefined
  const expression = time === 'event' ? undefined : compileTemplate(String(time))
  return message => {
    const at = expression === undefined ? message.timestamp : moment(expression, message)
    if (at <= Date.now() + lateness + MOST_AHEAD) return at
    throw new SluiceError(
      'EXPRESSION_FAILED',
      `window: the message is of ${new Date(at).toISOString()}, which has not come yet`,
      { hint: 'Set the clock of the producer; one message far ahead would make all others late.' },
    )
  }
}

function moment(expression: Expression, message: Message): number {
  const value = expression.evaluate(message)
  const at =
    value instanceof Date
      ? value.getTime()
      : typeof value === 'string'
        ? Date.parse(value)
        : typeof value === 'number' || typeof value === 'bigint'
          ? Number(value)
          : Number.NaN
  if (!Number.isNaN(new Date(at).getTime())) return at
  throw new SluiceError(
    'EXPRESSION_FAILED',
    `window: the time ${expression.source} is neither milliseconds since 1970 nor an ISO 8601 text`,
  )
}

function merge(members: readonly Member[], frame: Frame, aggregation: Aggregation): Message {
  const messages = members.map(member => member.message)
  const [first] = messages as [Message]
  const { headers, properties } = agreed(messages)
  const start = new Date(frame.start).toISOString()
  const end = new Date(frame.end).toISOString()
  const result = aggregation.fold(members.map(member => member.value as readonly unknown[]))
  const H = WINDOW_HEADERS
  return first.with({
    id: frame.id,
    key: frame.key,
    headers: headers.concat([
      [H.start, start],
      [H.end, end],
      [H.count, members.length],
      [H.pane, frame.pane],
      [H.closed, frame.closing],
    ]),
    bytes: encodeBody({ key: frame.key, start, end, ...result }, 'json'),
    timestamp: frame.end - 1,
    properties: { ...properties, messageId: frame.id, contentType: 'application/json' },
    decode: 'json',
  })
}
