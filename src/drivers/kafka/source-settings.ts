import { SluiceError } from '../../core/errors.ts'
import type { OptionProblem } from '../../core/ports.ts'
import { bytes, milliseconds } from '../../core/schema.ts'
import type { SourceOptions } from './source-options.ts'

/** Where to begin where nothing is committed: `{ timestamp }` in ms since 1970. */
export type Start = 'earliest' | 'latest' | 'committed' | { readonly timestamp: number }

/** A source's options, read and with every default. Times in ms. */
export interface SourceSettings {
  readonly topics: readonly string[]
  readonly pattern: RegExp | undefined
  readonly patternRefresh: number
  readonly group: string
  readonly from: Start
  readonly readUncommitted: boolean
  readonly fetch: {
    readonly minBytes: number
    readonly maxBytes: number
    readonly maxBytesPerPartition: number
    readonly maxWait: number
  }
  readonly commitInterval: number
  readonly commitCount: number
  readonly drain: number
  readonly sessionTimeout: number
  readonly rebalanceTimeout: number
  readonly heartbeatInterval: number
  readonly stuckAfter: number
  readonly rackId: string | undefined
}

/** Throws OPTIONS_INVALID. */
export function sourceSettings(options: SourceOptions, route: string): SourceSettings {
  const problem = checkSource(options)[0]
  if (problem !== undefined) throw new SluiceError('OPTIONS_INVALID', problem.message)
  return {
    topics: [...(options.topic === undefined ? [] : [options.topic]), ...(options.topics ?? [])],
    pattern: options.pattern === undefined ? undefined : new RegExp(options.pattern),
    patternRefresh: milliseconds(options.patternRefresh ?? '60s'),
    group: options.group ?? `sluice.${route}`,
    from: start(options.from ?? 'earliest'),
    readUncommitted: options.isolation === 'read_uncommitted',
    fetch: {
      minBytes: bytes(options.fetch?.minBytes ?? '1B'),
      maxBytes: bytes(options.fetch?.maxBytes ?? '8MiB'),
      maxBytesPerPartition: bytes(options.fetch?.maxBytesPerPartition ?? '1MiB'),
      maxWait: milliseconds(options.fetch?.maxWait ?? '500ms'),
    },
    commitInterval: milliseconds(options.commit?.interval ?? '500ms'),
    commitCount: options.commit?.count ?? 10_000,
    drain: milliseconds(options.drain ?? '5s'),
    sessionTimeout: milliseconds(options.sessionTimeout ?? '30s'),
    rebalanceTimeout: milliseconds(options.rebalanceTimeout ?? '60s'),
    heartbeatInterval: milliseconds(options.heartbeatInterval ?? '3s'),
    stuckAfter: milliseconds(options.stuckAfter ?? '60s'),
    rackId: options.rackId,
  }
}

/** What the schema cannot say. */
export function checkSource(options: SourceOptions): readonly OptionProblem[] {
  const problems: OptionProblem[] = []
  const say = (path: OptionProblem['path'], message: string, hint?: string) =>
    problems.push({ path, message, ...(hint === undefined ? {} : { hint }) })
  const named = options.topic !== undefined || options.topics !== undefined
  if (!named && options.pattern === undefined)
    say([], 'a Kafka source needs `topic`, `topics` or `pattern`', 'Name the topic to read, e.g. topic: shop.orders')
  if (named && options.pattern !== undefined)
    say(['pattern'], '`pattern` cannot stand beside `topic` or `topics`', 'Use one of them.')
  if (options.pattern !== undefined && !isRegExp(options.pattern))
    say(['pattern'], `\`pattern\` is not a regular expression: ${options.pattern}`)
  const session = milliseconds(options.sessionTimeout ?? '30s')
  const rebalance = milliseconds(options.rebalanceTimeout ?? '60s')
  const heartbeat = milliseconds(options.heartbeatInterval ?? '3s')
  const wait = milliseconds(options.fetch?.maxWait ?? '500ms')
  if (heartbeat < 100 || heartbeat * 3 > session)
    say(['heartbeatInterval'], '`heartbeatInterval` must be at least 100ms and at most a third of `sessionTimeout`')
  if (milliseconds(options.drain ?? '5s') * 2 > rebalance)
    say(['drain'], '`drain` must be at most half of `rebalanceTimeout`, or the group gives this member up')
  if (wait < 10 || wait > 60_000 || wait * 3 > session)
    say(
      ['fetch', 'maxWait'],
      '`fetch.maxWait` must lie between 10ms and 60s and be at most a third of `sessionTimeout`',
    )
  if (milliseconds(options.commit?.interval ?? '500ms') < 10)
    say(['commit', 'interval'], '`commit.interval` must be at least 10ms')
  if (milliseconds(options.patternRefresh ?? '60s') < 1_000)
    say(['patternRefresh'], '`patternRefresh` must be at least 1s')
  if (typeof options.from === 'object' && Number.isNaN(new Date(options.from.timestamp).getTime()))
    say(
      ['from', 'timestamp'],
      `\`from.timestamp\` is not a time: ${options.from.timestamp}`,
      'Write 2026-11-23T00:00:00Z',
    )
  return problems
}

function start(from: NonNullable<SourceOptions['from']>): Start {
  return typeof from === 'object' ? { timestamp: new Date(from.timestamp).getTime() } : from
}

function isRegExp(text: string): boolean {
  try {
    new RegExp(text)
    return true
  } catch {
    return false
  }
}
