import { describe } from '../../core/errors.ts'
import { compileTemplate, templateProblem } from '../../core/expression.ts'
import type { DriverSchemas, OptionProblem } from '../../core/ports.ts'
import { parseUrl, tlsProblem } from './address.ts'
import type { ConnectionOptions } from './connection-options.ts'
import type { SinkOptions } from './sink-options.ts'
import type { SourceOptions } from './source-options.ts'
import { eventTime, sequenceId } from './target.ts'
import { parseTopic } from './topic-name.ts'

const HOME = { tenant: 'public', namespace: 'default' }
const NAME_HINT = 'Write `orders`, `tenant/namespace/orders` or `persistent://tenant/namespace/orders`.'

/** What the schemas cannot say. Pure. */
export function problemsOf(part: keyof DriverSchemas, options: unknown): readonly OptionProblem[] {
  if (part === 'connection') return connectionProblems(options as ConnectionOptions)
  return part === 'source' ? sourceProblems(options as SourceOptions) : sinkProblems(options as SinkOptions)
}

function connectionProblems({ url, tls }: ConnectionOptions): readonly OptionProblem[] {
  const problems: OptionProblem[] = []
  try {
    parseUrl(url)
  } catch (error) {
    problems.push({ path: ['url'], message: describe(error), hint: 'e.g. wss://pulsar-1:8443,pulsar-2:8443' })
  }
  const pair = tlsProblem(tls)
  if (pair !== undefined) problems.push({ path: ['tls'], message: pair })
  return problems
}

function sourceProblems({ topic, topics, pattern, create, readCompacted, type }: SourceOptions): OptionProblem[] {
  const problems: OptionProblem[] = []
  const given = [topic, topics, pattern].filter(one => one !== undefined).length
  if (given !== 1) problems.push({ path: ['topic'], message: 'a source needs one of `topic`, `topics` and `pattern`' })
  const names = topic === undefined ? (topics ?? []) : [topic]
  names.forEach((name, i) => {
    if (parseTopic(name, HOME) === undefined)
      problems.push({
        path: topic === undefined ? ['topics', i] : ['topic'],
        message: `"${name}" cannot be the name of a topic`,
        hint: NAME_HINT,
      })
  })
  if (new Set(names).size < names.length) problems.push({ path: ['topics'], message: 'a topic is named twice' })
  if (pattern !== undefined && create !== undefined)
    problems.push({ path: ['create'], message: 'a pattern creates no topics' })
  if (readCompacted && (type === 'shared' || type === 'key_shared'))
    problems.push({ path: ['readCompacted'], message: 'a compacted topic is read by `failover` or `exclusive` only' })
  return problems
}

function sinkProblems(options: SinkOptions): OptionProblem[] {
  const problems: OptionProblem[] = []
  const fixed = (name: 'topic' | 'eventTime' | 'sequenceId', read: (value: unknown) => unknown, hint?: string) => {
    const text = String(options[name])
    if (options[name] === undefined || templateProblem(text) !== undefined) return
    const { constant } = compileTemplate(text)
    if (constant === undefined) return
    try {
      read(constant)
    } catch (error) {
      problems.push({ path: [name], message: describe(error), ...(hint === undefined ? {} : { hint }) })
    }
  }
  fixed(
    'topic',
    value => {
      if (parseTopic(String(value), HOME) === undefined)
        throw new Error(`"${String(value)}" cannot be the name of a topic`)
    },
    NAME_HINT,
  )
  fixed('eventTime', eventTime)
  fixed('sequenceId', sequenceId)
  if (options.sequenceId !== undefined && options.producerName === undefined)
    problems.push({
      path: ['sequenceId'],
      message: 'without `producerName` the broker takes each session for another producer and deduplicates nothing',
    })
  if (options.chunking && options.batching)
    problems.push({ path: ['chunking'], message: 'a producer cannot both chunk and batch' })
  return problems
}

/** What keeps the target of a route with `reply` from hearing answers. */
export function replyProblems({ properties = {} }: SinkOptions): readonly OptionProblem[] {
  return Object.keys(properties)
    .filter(name => name === 'reply-to' || name === 'correlation-id')
    .map(name => ({
      path: ['properties', name],
      message: `on a route with reply Sluice sets the property ${name} itself`,
      hint: 'Leave it out; the requester gets its own back.',
    }))
}
