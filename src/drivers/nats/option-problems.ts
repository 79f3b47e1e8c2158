import { describe } from '../../core/errors.ts'
import { compileTemplate, templateProblem } from '../../core/expression.ts'
import type { DriverSchemas, OptionProblem } from '../../core/ports.ts'
import { milliseconds } from '../../core/schema.ts'
import { parseUrl } from './address.ts'
import type { ConnectionOptions } from './connection-options.ts'
import type { SinkOptions } from './sink-options.ts'
import type { SourceOptions } from './source-options.ts'
import { subjectName } from './subject.ts'

/** Below this a server's and our own delays look like a holder that went away. */
export const LEAST_ACK_WAIT_MS = 500
/** Deliveries after which the engine puts a message aside that crashes the process. */
export const MOST_DELIVERIES = 10
const ONLY_STREAM = [
  'consumer',
  'filter',
  'deliver',
  'ackWait',
  'maxDeliver',
  'maxAckPending',
  'passive',
  'create',
] as const
const ONLY_SUBJECT = ['queue', 'pending'] as const

/** What the schemas cannot say. */
export function problemsOf(part: keyof DriverSchemas, options: unknown): readonly OptionProblem[] {
  switch (part) {
    case 'connection':
      return connectionProblems(options as ConnectionOptions)
    case 'source':
      return sourceProblems(options as SourceOptions)
    default:
      return sinkProblems(options as SinkOptions)
  }
}

function connectionProblems(options: ConnectionOptions): readonly OptionProblem[] {
  const problems: OptionProblem[] = []
  try {
    parseUrl(options.url)
  } catch (error) {
    problems.push({
      path: ['url'],
      message: describe(error),
      hint: 'e.g. nats://user:password@nats-1:4222,nats-2:4222',
    })
  }
  if ((options.tls?.cert === undefined) !== (options.tls?.key === undefined))
    problems.push({ path: ['tls'], message: '`cert` and `key` belong together: one is missing' })
  const ways = (['creds', 'nkey', 'token', 'username'] as const).filter(way => options[way] !== undefined)
  if (ways.length > 1)
    problems.push({
      path: [ways[1]!],
      message: `\`${ways.join('` and `')}\` are different ways to log in`,
      hint: 'Keep one of them.',
    })
  return problems
}

function sourceProblems(options: SourceOptions): readonly OptionProblem[] {
  const { subject, stream } = options
  if ((subject === undefined) === (stream === undefined))
    return [
      {
        path: [],
        message: 'a source of NATS needs either `subject` (core NATS) or `stream` (JetStream)',
        hint: 'With `stream`, subjects are chosen by `filter`.',
      },
    ]
  const problems: OptionProblem[] = []
  const foreign = stream === undefined ? ONLY_STREAM : ONLY_SUBJECT
  for (const name of foreign)
    if (options[name] !== undefined)
      problems.push({
        path: [name],
        message: `\`${name}\` belongs to ${stream === undefined ? 'a `stream`, and this is a subject of core NATS' : 'a `subject` of core NATS, and this is a stream'}`,
      })
  const { maxDeliver, ackWait, create, passive, deliver } = options
  if (typeof deliver === 'object' && 'time' in deliver && Number.isNaN(Date.parse(deliver.time)))
    problems.push({
      path: ['deliver', 'time'],
      message: `"${deliver.time}" is not a time such as 2026-11-25T08:00:00Z`,
    })
  if (maxDeliver !== undefined && maxDeliver !== -1 && maxDeliver <= MOST_DELIVERIES)
    problems.push({
      path: ['maxDeliver'],
      message: `after ${maxDeliver} deliveries the server would give a message up before Sluice can put it aside`,
      hint: `Use -1, or more than ${MOST_DELIVERIES}.`,
    })
  if (ackWait !== undefined && milliseconds(ackWait) < LEAST_ACK_WAIT_MS)
    problems.push({ path: ['ackWait'], message: `\`ackWait\` must be at least ${LEAST_ACK_WAIT_MS} ms` })
  if (create !== undefined && create.subjects === undefined)
    problems.push({ path: ['create'], message: 'a stream that is created for a source needs `subjects`' })
  if (create !== undefined && passive === true)
    problems.push({ path: ['passive'], message: '`passive` creates nothing, and `create` is given' })
  return problems
}

function sinkProblems(options: SinkOptions): readonly OptionProblem[] {
  const problems: OptionProblem[] = []
  const text = String(options.subject)
  const constant = templateProblem(text) === undefined ? compileTemplate(text).constant : undefined
  if (constant !== undefined) {
    try {
      subjectName(constant)
    } catch (error) {
      problems.push({ path: ['subject'], message: describe(error) })
    }
  }
  const wrong = (name: 'create' | 'messageId' | 'reply', why: string) => {
    if (options[name] !== undefined) problems.push({ path: [name], message: `\`${name}\` ${why}` })
  }
  if (options.stream === undefined) {
    wrong('create', 'belongs to a `stream`')
    wrong('messageId', 'belongs to a `stream`: core NATS knows no duplicates')
  } else {
    wrong('reply', 'has no place in a stream: the `replyTo` of a message is kept as a header')
    if (options.create !== undefined && options.create.subjects === undefined && constant === undefined)
      problems.push({ path: ['create'], message: 'with a `subject` that varies, `create` needs `subjects`' })
  }
  return problems
}

/** What keeps an end of a route with `reply` from asking or answering. */
export function replyProblems(part: 'source' | 'sink', options: SourceOptions | SinkOptions): readonly OptionProblem[] {
  if (options.stream !== undefined)
    return [
      {
        path: ['stream'],
        message:
          part === 'source'
            ? 'a route with reply cannot read its requests from a stream: the reply subject there is where the ack goes'
            : 'a route with reply cannot send its requests to a stream: the reply subject there is where the ack comes',
        hint: 'Leave `stream` out: requests go by subjects of core NATS.',
      },
    ]
  if (part === 'source') return requestProblems(options as SourceOptions)
  const { reply, headers = {} } = options as SinkOptions
  const set = Object.keys(headers).filter(name => name === 'reply-to' || name === 'correlation-id')
  return [
    ...(reply === undefined ? [] : [{ path: ['reply'], what: 'the reply subject' }]),
    ...set.map(name => ({ path: ['headers', name], what: `the header ${name}` })),
  ].map(({ path, what }) => ({
    path,
    message: `on a route with reply Sluice sets ${what} itself`,
    hint: 'Leave it out; the requester gets its own back.',
  }))
}

function requestProblems({ subject, queue }: SourceOptions): readonly OptionProblem[] {
  if (queue !== undefined) return []
  return [
    {
      path: ['subject'],
      severity: 'warning',
      message: `without a queue group every gateway gets each request of ${subject}, and each of them answers`,
      hint: 'Name one, e.g. `queue: sluice`: then one gateway gets it. A single gateway loses nothing by it.',
    },
  ]
}
