import { SluiceError } from '../../core/errors.ts'
import { compileTemplate } from '../../core/expression.ts'
import { clock, type Examined, type Finding, fail, failed, ok, unseen, warn } from '../../core/finding.ts'
import type { EndpointContext } from '../../core/ports.ts'
import { Api } from './api.ts'
import { consumerName, ensureConsumer } from './consumers.ts'
import { durability, type Monitoring } from './durability.ts'
import type { OpenLink } from './link.ts'
import type { SinkOptions } from './sink-options.ts'
import type { SourceOptions } from './source-options.ts'
import type { CreateOptions } from './stream-options.ts'
import { compare, findStream, type StreamInfo } from './streams.ts'
import { covers } from './subject.ts'

/** Looks at what a source reads from. */
export async function examineSource(
  link: OpenLink,
  options: SourceOptions,
  context: EndpointContext,
  signal: AbortSignal,
): Promise<Examined> {
  const { stream } = options
  if (stream === undefined)
    return {
      findings: [
        warn(
          `subject ${options.subject}`,
          'core NATS keeps nothing: what is published while Sluice does not listen is gone',
          'Read from a stream of JetStream (`stream`).',
        ),
      ],
      maxBytes: link.maxPayload,
    }
  const api = new Api(link)
  const { findings, found, asked } = await examineStream(api, stream, options.create, signal)
  if (found !== undefined) findings.push(await examineConsumer(api, options, context, signal))
  return { findings: [...findings, ...asked], maxBytes: sizeOf(link, found) }
}

/** Looks at what a sink publishes to. */
export async function examineSink(
  link: OpenLink,
  options: SinkOptions,
  monitoring: Monitoring | undefined,
  signal: AbortSignal,
): Promise<Examined> {
  const { stream, subject } = options
  if (stream === undefined)
    return {
      findings: [
        warn(
          `subject ${subject}`,
          'core NATS keeps nothing: who does not listen at that moment never gets the message',
          'Write to a stream of JetStream (`stream`).',
        ),
      ],
      maxBytes: link.maxPayload,
    }
  const { findings, found, asked } = await examineStream(new Api(link), stream, options.create, signal)
  if (found !== undefined)
    findings.push(subjectFinding(found, subject), ...(await durability(found, monitoring, signal)))
  return { findings: [...findings, ...asked], maxBytes: sizeOf(link, found) }
}

interface StreamFindings {
  readonly findings: Finding[]
  readonly found: StreamInfo | undefined
  /** What the server said on the way. */
  readonly asked: readonly Finding[]
}

async function examineStream(
  api: Api,
  name: string,
  create: CreateOptions | undefined,
  signal: AbortSignal,
): Promise<StreamFindings> {
  const subject = `stream ${name}`
  try {
    const found = await findStream(api, name, signal)
    if (found === undefined) {
      const hint = 'Create it, correct its name, or let Sluice create it with `create`.'
      const finding =
        create === undefined
          ? fail(subject, 'ADDRESS_MISSING: it does not exist', hint)
          : ok(subject, 'it is not there yet; Sluice creates it')
      return { findings: [finding], found, asked: [] }
    }
    if (create !== undefined) compare(found, create)
    const { messages } = found.state
    const asked = found.ts === undefined ? [] : [clock('server', Date.parse(found.ts))]
    return { findings: [ok(subject, `it is there, with ${messages} messages`)], found, asked }
  } catch (error) {
    signal.throwIfAborted()
    if (api.link.lost !== undefined) throw error
    return { findings: [failed(subject, error)], found: undefined, asked: [] }
  }
}

async function examineConsumer(
  api: Api,
  options: SourceOptions,
  context: EndpointContext,
  signal: AbortSignal,
): Promise<Finding> {
  const subject = `consumer ${consumerName(options, context.route)}`
  try {
    // Passive: looks and compares, creates none.
    const { num_pending: pending, config } = await ensureConsumer(
      api,
      { ...options, passive: true },
      context,
      undefined,
      signal,
    )
    const { max_deliver: most = -1 } = config
    if (most > 0)
      return warn(
        subject,
        `it gives a message up after ${most} deliveries, without a word`,
        'Set its max_deliver to -1.',
      )
    return ok(subject, `it is there, with ${pending} messages waiting`)
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof SluiceError && error.code === 'ADDRESS_MISSING' && options.passive !== true)
      return ok(subject, 'it is not there yet; Sluice creates it')
    return failed(subject, error)
  }
}

function subjectFinding({ config }: StreamInfo, template: SinkOptions['subject']): Finding {
  const { constant } = compileTemplate(String(template))
  if (constant === undefined)
    return unseen(`subject ${template}`, 'it depends on the message whether it is one of the stream')
  const subjects = config.subjects ?? []
  if (subjects.some(pattern => covers(pattern, String(constant))))
    return ok(`subject ${constant}`, 'the stream stores it')
  return fail(
    `subject ${constant}`,
    `the stream ${config.name} stores ${subjects.join(', ') || 'no subjects'}, and not this one`,
    'Add it to the subjects of the stream, or correct it.',
  )
}

function sizeOf(link: OpenLink, found: StreamInfo | undefined): number {
  const most = found?.config.max_msg_size ?? -1
  return most > 0 ? Math.min(most, link.maxPayload) : link.maxPayload
}
