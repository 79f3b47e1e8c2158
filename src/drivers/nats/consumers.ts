import { SluiceError } from '../../core/errors.ts'
import type { EndpointContext } from '../../core/ports.ts'
import { milliseconds } from '../../core/schema.ts'
import type { Api } from './api.ts'
import { MOST_DELIVERIES } from './option-problems.ts'
import type { SourceOptions } from './source-options.ts'
import { defined, sameSet } from './streams.ts'
import { asName } from './subject.ts'

/** What JetStream tells about a consumer, as far as it is used. */
export interface ConsumerInfo {
  readonly name: string
  readonly config: {
    readonly deliver_subject?: string
    readonly ack_policy: string
    /** Nanoseconds. */
    readonly ack_wait?: number
    readonly max_deliver?: number
    readonly max_ack_pending?: number
    readonly filter_subject?: string
    readonly filter_subjects?: readonly string[]
    readonly max_batch?: number
  }
  /** Everything up to there is acked. */
  readonly ack_floor: { readonly stream_seq: number }
  /** Delivered and not acked. */
  readonly num_ack_pending: number
  /** Pull requests that wait at the server. */
  readonly num_waiting: number
  /** Not delivered yet. */
  readonly num_pending: number
}

const NANOS = 1e6
const ACK_WAIT_MS = 10_000
const LEAST_PENDING = 1_000
const IN_FLIGHTS = 4

export function consumerName(options: SourceOptions, route: string): string {
  return options.consumer ?? asName(`sluice-${route}`)
}

export function findConsumer(
  api: Api,
  stream: string,
  name: string,
  signal: AbortSignal,
): Promise<{ readonly found: ConsumerInfo } | { readonly missing: unknown }> {
  return api.askOr<ConsumerInfo>(
    `CONSUMER.INFO.${stream}.${name}`,
    undefined,
    `looking up the consumer ${name} of ${stream}`,
    signal,
  )
}

/**
 * The durable pull consumer, created where it is missing. Throws ADDRESS_MISSING (passive), ADDRESS_MISMATCH, and what
 * JetStream says.
 * @param from sequence of the stream from which on a new one delivers; undefined: as the options say
 */
export async function ensureConsumer(
  api: Api,
  options: SourceOptions,
  context: EndpointContext,
  from: number | undefined,
  signal: AbortSignal,
): Promise<ConsumerInfo> {
  const stream = options.stream!
  const name = consumerName(options, context.route)
  const answer = await findConsumer(api, stream, name, signal)
  if ('found' in answer) {
    compare(answer.found, options, stream)
    judgeLimit(answer.found, context)
    return answer.found
  }
  if (options.passive === true)
    throw new SluiceError('ADDRESS_MISSING', `the stream ${stream} has no consumer ${name}`, {
      hint: 'Create it, correct its name, or let Sluice create it: leave `passive` out.',
    })
  const several = Array.isArray(options.filter) && options.filter.length > 1
  // The name of the one filter is part of the request, so that permissions can tell.
  const filter = several || options.filter === undefined ? '' : `.${[options.filter].flat()[0]!}`
  const config = {
    durable_name: name,
    name,
    ack_policy: 'explicit',
    replay_policy: 'instant',
    description: `sluice route ${context.route}`,
    ...start(options, from),
    ...configOf(options),
    ack_wait: milliseconds(options.ackWait ?? `${ACK_WAIT_MS}ms`) * NANOS,
    max_deliver: options.maxDeliver ?? -1,
    max_ack_pending: options.maxAckPending ?? Math.max(LEAST_PENDING, IN_FLIGHTS * context.inFlight),
  }
  const body = { stream_name: stream, config, action: 'create' }
  return await api.ask<ConsumerInfo>(
    `CONSUMER.CREATE.${stream}.${name}${filter}`,
    body,
    `creating the consumer ${name} of ${stream}`,
    signal,
  )
}

function start({ deliver = 'all' }: SourceOptions, from: number | undefined): object {
  if (from !== undefined) return { deliver_policy: 'by_start_sequence', opt_start_seq: from }
  if (typeof deliver === 'string') return { deliver_policy: deliver }
  if ('sequence' in deliver) return { deliver_policy: 'by_start_sequence', opt_start_seq: deliver.sequence }
  return { deliver_policy: 'by_start_time', opt_start_time: deliver.time }
}

// What was asked for; what was not is neither set nor compared.
function configOf(options: SourceOptions): Partial<ConsumerInfo['config']> {
  const filters = options.filter === undefined ? undefined : [options.filter].flat()
  return defined({
    filter_subject: filters?.length === 1 ? filters[0] : undefined,
    filter_subjects: filters !== undefined && filters.length > 1 ? filters : undefined,
    ack_wait: options.ackWait === undefined ? undefined : milliseconds(options.ackWait) * NANOS,
    max_deliver: options.maxDeliver,
    max_ack_pending: options.maxAckPending,
  })
}

function compare({ name, config }: ConsumerInfo, options: SourceOptions, stream: string): void {
  const refuse = (why: string) => {
    throw new SluiceError('ADDRESS_MISMATCH', `the consumer ${name} of ${stream} ${why}`, {
      hint: 'Make the options of the source equal to what the consumer has, leave them out, or name another `consumer`.',
    })
  }
  if (config.deliver_subject !== undefined) refuse('is a push consumer, and Sluice pulls')
  if (config.ack_policy !== 'explicit') refuse(`has the ack policy ${config.ack_policy}, and Sluice acks each message`)
  for (const [option, wanted] of Object.entries(configOf(options))) {
    const has = config[option as keyof ConsumerInfo['config']]
    // How servers spell that there is no limit.
    const none = wanted === -1 && (has === undefined || has === -1 || has === 0)
    if (none || wanted === has || (Array.isArray(wanted) && sameSet(wanted, has))) continue
    refuse(`has ${option} ${JSON.stringify(has ?? null)}, and the route wants ${JSON.stringify(wanted)}`)
  }
}

// Invariant 8: behind its limit of deliveries the server drops a message without a word.
function judgeLimit({ name, config }: ConsumerInfo, { log }: EndpointContext): void {
  const { max_deliver: most = -1 } = config
  if (most <= 0) return
  if (most <= MOST_DELIVERIES)
    throw new SluiceError(
      'ADDRESS_MISMATCH',
      `the consumer ${name} gives a message up after ${most} deliveries, before Sluice could put it aside`,
      { hint: `Set its max_deliver to -1, or above ${MOST_DELIVERIES}.` },
    )
  log.warn({ consumer: name, max_deliver: most }, 'the consumer gives messages up after max_deliver deliveries')
}

/** Milliseconds after which a message comes again. */
export function ackWaitOf({ config }: ConsumerInfo): number {
  return Math.max(1, (config.ack_wait ?? 30_000 * NANOS) / NANOS)
}
