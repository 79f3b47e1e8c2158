import { SluiceError } from '../../core/errors.ts'
import { type Examined, type Finding, fail, failed, ok, unseen, warn } from '../../core/finding.ts'
import { bytes } from '../../core/schema.ts'
import { replyCode, translate } from './errors.ts'
import { judgeConsumerTimeout, judgeRules, LOOK_AT_TIMEOUT, type Version } from './judge-queue.ts'
import type { OpenLink } from './link.ts'
import type { Management, QueueTold } from './management.ts'
import { isPartitioned, partitionNames } from './partitions.ts'
import { rulesOf } from './queue-rules.ts'
import { reveal } from './reveal.ts'
import { onScratch } from './scratch.ts'
import type { SinkOptions } from './sink-options.ts'
import type { SourceOptions } from './source-options.ts'
import { requireQueue } from './topology.ts'

/** What is looked with. */
export interface Eyes {
  readonly link: OpenLink
  /** Undefined where the connection does not name it. */
  readonly management: Management | undefined
}

interface Wanted {
  readonly passive: boolean
  readonly type: string | undefined
  /** Of a source: the consumer_timeout it goes by. */
  readonly consumerTimeout: string | undefined
}

/** Looks at what a source reads from. */
export async function examineSource(eyes: Eyes, options: SourceOptions, signal: AbortSignal): Promise<Examined> {
  const { queue, bind = [], consumerTimeout = '30m', passive } = options
  const findings: Finding[] = []
  const wanted = { passive: passive === true, type: options.type, consumerTimeout }
  const partitions = isPartitioned(options) ? partitionNames(options) : undefined
  for (const name of partitions ?? (queue === undefined ? [] : [queue]))
    findings.push(...(await examineQueue(eyes, name, wanted, signal)))
  for (const { exchange, type } of bind) findings.push(await examineExchange(eyes.link, exchange, type, signal))
  if (queue === undefined) findings.push(timeoutUnseen('queue', consumerTimeout))
  return { findings }
}

/** Looks at what a sink publishes to. */
export async function examineSink(eyes: Eyes, options: SinkOptions, signal: AbortSignal): Promise<Examined> {
  const { queue, exchange, type, passive, maxMessageSize = '16MiB' } = options
  const findings: Finding[] = []
  const wanted = { passive: passive === true, type, consumerTimeout: undefined }
  if (queue !== undefined) findings.push(...(await examineQueue(eyes, queue, wanted, signal)))
  else if (exchange !== undefined) findings.push(await examineExchange(eyes.link, exchange, type, signal))
  const subject = queue === undefined ? `exchange "${exchange}"` : `queue "${queue}"`
  const limit = `the broker's max_message_size is not told over the network; Sluice goes by ${maxMessageSize} (maxMessageSize)`
  findings.push(
    unseen(subject, limit, 'RabbitMQ 4 takes 16 MiB by default, 3.x 128 MiB.'),
    unseen(subject, 'whether this user may write to it shows with the first message only'),
  )
  return { findings, maxBytes: bytes(maxMessageSize) }
}

async function examineExchange(
  link: OpenLink,
  name: string,
  type: string | undefined,
  signal: AbortSignal,
): Promise<Finding> {
  const subject = `exchange "${name}"`
  try {
    await onScratch(link, signal, channel => channel.checkExchange(name))
    return ok(subject, 'it is there')
  } catch (error) {
    signal.throwIfAborted()
    if (replyCode(error) === 404 && type !== undefined) return ok(subject, 'it is not there yet; Sluice declares it')
    return failed(subject, translate(error, subject, 'UNAVAILABLE'))
  }
}

async function examineQueue(
  { link, management }: Eyes,
  name: string,
  wanted: Wanted,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const subject = `queue "${name}"`
  try {
    await requireQueue(link, name, signal)
  } catch (error) {
    const later = wanted.consumerTimeout === undefined ? [] : [timeoutUnseen(subject, wanted.consumerTimeout)]
    if (error instanceof SluiceError && error.code === 'ADDRESS_MISSING' && !wanted.passive)
      return [ok(subject, 'it is not there yet; Sluice declares it'), ...later]
    if (error instanceof SluiceError && error.code !== 'CONNECTION_LOST') return [failed(subject, error), ...later]
    throw error
  }
  if (management === undefined) return overAmqp(link, name, subject, wanted, signal)
  try {
    const told = await management.queue(name, signal)
    if (told !== undefined) return overManagement(link, subject, told, wanted, signal)
    const message = 'the management API does not know it: it is of another cluster'
    const hint = 'Correct `management` of the connection.'
    return [warn(subject, message, hint), ...(await overAmqp(link, name, subject, wanted, signal))]
  } catch (error) {
    signal.throwIfAborted()
    if (!(error instanceof SluiceError)) throw error
    const finding = warn('management', `${error.code}: ${error.message}`, error.hint)
    return [finding, ...(await overAmqp(link, name, subject, wanted, signal))]
  }
}

async function overManagement(
  link: OpenLink,
  subject: string,
  told: QueueTold,
  wanted: Wanted,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const rules = rulesOf(told)
  const version = versionOf(link)
  const { consumerTimeout } = wanted
  return [
    typeFinding(subject, told.type, wanted.type),
    ...judgeRules(subject, told.type, rules, version),
    ...(await deadLetterExchange(link, subject, rules.deadLetters?.value, signal)),
    ...(consumerTimeout === undefined ? [] : [judgeConsumerTimeout(subject, rules, consumerTimeout, version)]),
  ]
}

async function overAmqp(
  link: OpenLink,
  name: string,
  subject: string,
  { type: wanted, consumerTimeout }: Wanted,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const { type, deadLetters } = await reveal(link, name, signal)
  const hidden = unseen(
    subject,
    'policies and most arguments (delivery-limit, message-ttl, max-length, expires) are not told over AMQP',
    'Name the management API in the connection (`management: http://…:15672`).',
  )
  const timeout = consumerTimeout === undefined ? [] : [timeoutUnseen(subject, consumerTimeout)]
  if (type === undefined)
    return [
      ok(subject, 'it is there'),
      unseen(subject, 'the broker does not say of which type it is'),
      hidden,
      ...timeout,
    ]
  return [
    typeFinding(subject, type, wanted),
    ...(type === 'quorum' ? [judgeLimit(subject, link, deadLetters)] : []),
    ...(await deadLetterExchange(link, subject, deadLetters, signal)),
    hidden,
    ...timeout,
  ]
}

function typeFinding(subject: string, type: string, wanted: string | undefined): Finding {
  if (wanted === undefined || wanted === type) return ok(subject, `it is there (${type})`)
  const message = `ADDRESS_MISMATCH: it is a ${type} queue, and the route wants ${wanted}`
  return fail(subject, message, `Write \`type: ${type}\`, or leave \`type\` out: the queue is then taken as it is.`)
}

// RabbitMQ 4 drops what was delivered 20 times, unless a dead-letter exchange takes it.
function judgeLimit(subject: string, link: OpenLink, deadLetters: string | undefined): Finding {
  if (deadLetters !== undefined)
    return ok(subject, `what reaches its delivery limit goes to its dead-letter exchange "${deadLetters}"`)
  if (versionOf(link)[0] < 4) return ok(subject, 'it has no delivery limit, unless its arguments or a policy set one')
  return warn(
    subject,
    'RabbitMQ 4 drops what was delivered 20 times (or as `delivery-limit` says), and no dead-letter exchange is among its arguments: consumers that crash or lose their connection again and again lose messages, unless a policy sets one',
    'Set `dead-letter-exchange` by a policy, or `delivery-limit` to -1.',
  )
}

// What goes to an exchange that is not there is gone, without a word.
async function deadLetterExchange(
  link: OpenLink,
  subject: string,
  exchange: string | undefined,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  if (exchange === undefined || exchange === '') return []
  try {
    await onScratch(link, signal, channel => channel.checkExchange(exchange))
    return []
  } catch (error) {
    signal.throwIfAborted()
    if (replyCode(error) !== 404) return []
    const message = `its dead-letter exchange "${exchange}" does not exist: what should go there is dropped`
    return [warn(subject, message, 'Declare it, and bind a queue to it.')]
  }
}

const timeoutUnseen = (subject: string, ours: string): Finding =>
  unseen(
    subject,
    `the broker's consumer_timeout is not told over AMQP; Sluice goes by ${ours} (consumerTimeout)`,
    LOOK_AT_TIMEOUT,
  )

/** 0 where the broker does not say. */
function versionOf(link: OpenLink): Version {
  const { connection } = link.model as unknown as { connection: { serverProperties?: { version?: unknown } } }
  const [major, minor] = String(connection.serverProperties?.version ?? '').split('.')
  return [Number.parseInt(major ?? '', 10) || 0, Number.parseInt(minor ?? '', 10) || 0]
}
