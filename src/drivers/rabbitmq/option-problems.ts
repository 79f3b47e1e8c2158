import type { DriverSchemas, OptionProblem } from '../../core/ports.ts'
import type { ConnectionOptions } from './connection-options.ts'
import { partitionProblems } from './partition-problems.ts'
import type { SinkOptions } from './sink-options.ts'
import type { SourceOptions } from './source-options.ts'

/** Combinations of options that cannot work and that a schema cannot say. */
export function problemsOf(part: keyof DriverSchemas, options: unknown): readonly OptionProblem[] {
  if (part === 'connection') return connectionProblems(options as ConnectionOptions)
  if (part === 'source') return sourceProblems(options as SourceOptions)
  return sinkProblems(options as SinkOptions)
}

const problem = (path: OptionProblem['path'], message: string, hint?: string): OptionProblem => ({
  path,
  message,
  ...(hint === undefined ? {} : { hint }),
})

function connectionProblems(options: ConnectionOptions): OptionProblem[] {
  const { url, auth, tls, management, username, password } = options
  const problems: OptionProblem[] = []
  const secure = url.startsWith('amqps:')
  if (
    management !== undefined &&
    auth === 'external' &&
    !/@/.test(management + url) &&
    (username ?? password) === undefined
  )
    problems.push(
      problem(
        ['management'],
        'the management API takes no client certificate for a login, and no user is named',
        'Write http://user:password@host:port.',
      ),
    )
  if (tls !== undefined && !secure && management?.startsWith('https:') !== true)
    problems.push(problem(['tls'], '`tls` has no effect on an amqp:// url', 'Write amqps:// in `url`.'))
  if (auth === 'external' && (!secure || tls?.cert === undefined || tls.key === undefined))
    problems.push(
      problem(
        ['auth'],
        '`auth: external` needs a client certificate',
        'Give an amqps:// url, `tls.cert` and `tls.key`.',
      ),
    )
  if (tls !== undefined && (tls.cert === undefined) !== (tls.key === undefined))
    problems.push(problem(['tls'], '`tls.cert` and `tls.key` go together'))
  return problems
}

function sourceProblems(options: SourceOptions): OptionProblem[] {
  const { queue, bind, passive, type, durable, autoDelete, exclusive, singleActiveConsumer, offset } = options
  const problems: OptionProblem[] = []
  if (queue === undefined && (bind === undefined || bind.length === 0))
    problems.push(
      problem(
        ['queue'],
        'a source needs a `queue`',
        'Name the queue, or give `bind` for a temporary queue of its own.',
      ),
    )
  if (queue === undefined && passive) problems.push(problem(['passive'], 'a temporary queue cannot be passive'))
  if (queue === undefined && type !== undefined && type !== 'classic')
    problems.push(problem(['type'], 'a temporary queue is always a classic one', 'Name the queue.'))
  const lasting = type === 'quorum' || type === 'stream'
  if (lasting && (durable === false || exclusive || autoDelete))
    problems.push(problem(['type'], `a ${type} queue is always durable, shared and kept`))
  if (singleActiveConsumer && passive)
    problems.push(
      problem(['singleActiveConsumer'], 'it is a property of the declaration, and `passive` declares nothing'),
    )
  if (singleActiveConsumer && type === 'stream')
    problems.push(problem(['singleActiveConsumer'], 'a stream has no single active consumer over AMQP 0-9-1'))
  if (offset !== undefined && type !== 'stream')
    problems.push(problem(['offset'], '`offset` is for streams', 'Add `type: stream`, or remove it.'))
  return [...problems, ...partitionProblems(options)]
}

function sinkProblems(options: SinkOptions): OptionProblem[] {
  const { queue, exchange, type, routingKey, mandatory, unroutable } = options
  const problems: OptionProblem[] = []
  if ((queue === undefined) === (exchange === undefined))
    problems.push(problem(['exchange'], 'a sink needs either an `exchange` or a `queue`'))
  if (queue !== undefined && routingKey !== undefined)
    problems.push(
      problem(['routingKey'], 'with `queue` the routing key is the name of the queue', 'Remove one of them.'),
    )
  if (queue !== undefined && type !== undefined && !['classic', 'quorum', 'stream'].includes(type))
    problems.push(problem(['type'], 'a queue is of the type classic, quorum or stream'))
  if (exchange !== undefined)
    for (const option of ['durable', 'autoDelete', 'arguments'] as const)
      if (options[option] !== undefined) problems.push(problem([option], `\`${option}\` is for queues`))
  if (mandatory === false && unroutable !== undefined && unroutable !== 'discard')
    problems.push(
      problem(['unroutable'], `with \`mandatory: false\` the broker does not tell, so \`unroutable\` has no effect`),
    )
  return problems
}

/** What keeps answers from finding their way: on a route with `reply` these two properties are Sluice's. */
export function replyProblems({ properties }: SinkOptions): readonly OptionProblem[] {
  return (['correlationId', 'replyTo'] as const)
    .filter(name => properties?.[name] !== undefined)
    .map(name =>
      problem(
        ['properties', name],
        `on a route with reply Sluice sets ${name} itself`,
        'Leave it out; the requester gets its own back.',
      ),
    )
}
