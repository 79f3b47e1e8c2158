import { type Finding, ok, unseen, warn } from '../../core/finding.ts'
import { milliseconds } from '../../core/schema.ts'
import type { QueueRules, Rule } from './queue-rules.ts'

const SOMEWHERE = 'Set `dead-letter-exchange` by a policy, or lift the limit.'
/** What RabbitMQ 4 does to quorum queues where nothing says otherwise. */
const LIMIT_OF_4 = 20

/** What a queue does to its messages behind our back. */
export function judgeRules(subject: string, type: string, rules: QueueRules, version: Version): readonly Finding[] {
  const findings = type === 'quorum' ? [deliveries(subject, rules, version)] : []
  const { messageTtl, expires, maxLength, maxBytes, overflow } = rules
  if (messageTtl !== undefined)
    findings.push(
      leaving(
        subject,
        `messages that wait longer than ${span(messageTtl.value)}`,
        messageTtl,
        rules,
        'while the route holds or is stopped, messages are lost',
      ),
    )
  // A stream that is full drops its oldest segments: that is its retention.
  if (type !== 'stream')
    for (const [limit, unit] of [
      [maxLength, 'messages'],
      [maxBytes, 'bytes'],
    ] as const) {
      if (limit === undefined) continue
      const full = `more than ${limit.value} ${unit}`
      if (overflow === 'drop-head')
        findings.push(
          leaving(
            subject,
            `the oldest of ${full}`,
            limit,
            rules,
            'while the route holds or is stopped, messages are lost',
          ),
        )
      else findings.push(ok(subject, `it refuses ${full} (${limit.by}, ${overflow}), and the publisher is told`))
    }
  if (expires !== undefined)
    findings.push(
      warn(
        subject,
        `it is deleted with all it holds when nobody has used it for ${span(expires.value)} (${expires.by})`,
        'Take `expires` away, unless the route may lose what comes while it is stopped.',
      ),
    )
  return findings
}

/** What the broker does with a consumer that is slow to acknowledge, and whether we go by it. */
export function judgeConsumerTimeout(
  subject: string,
  { consumerTimeout: rule }: QueueRules,
  ours: string,
  version: Version,
): Finding {
  // Before that RabbitMQ knew it for the whole broker only.
  if (rule === undefined || !atLeast(version, 3, 12))
    return unseen(
      subject,
      `no argument or policy sets its consumer_timeout, and the broker's own is not told over the network; Sluice goes by ${ours} (consumerTimeout)`,
      LOOK_AT_TIMEOUT,
    )
  const own = milliseconds(ours)
  const theirs = span(rule.value)
  if (own !== 0 && own <= rule.value)
    return ok(subject, `its consumer_timeout is ${theirs} (${rule.by}), and Sluice gives back before ${ours}`)
  return warn(
    subject,
    `its consumer_timeout is ${theirs} (${rule.by}), and Sluice goes by ${ours === '0' ? 'none' : ours}: the broker closes the channel under a message that takes longer`,
    `Set \`consumerTimeout: ${theirs}\` on the source.`,
  )
}

export const LOOK_AT_TIMEOUT =
  'Compare it with `rabbitmqctl environment`, and set `consumerTimeout` of the source where it is another.'

function deliveries(subject: string, rules: QueueRules, version: Version): Finding {
  const { deliveryLimit, deadLetters } = rules
  if (deliveryLimit === undefined && !atLeast(version, 4, 0)) return ok(subject, 'it has no delivery limit')
  const limit = deliveryLimit ?? { value: LIMIT_OF_4, by: 'the default of RabbitMQ 4' }
  if (limit.value < 0) return ok(subject, `it has no delivery limit (${limit.by})`)
  if (deadLetters !== undefined)
    return ok(
      subject,
      `what was delivered ${limit.value} times (${limit.by}) goes to its dead-letter exchange "${deadLetters.value}" (${deadLetters.by})`,
    )
  return warn(
    subject,
    `what was delivered ${limit.value} times is dropped (${limit.by}), for it has no dead-letter exchange: consumers that crash or lose their connection again and again lose messages`,
    'Set `dead-letter-exchange` by a policy, or `delivery-limit` to -1.',
  )
}

function leaving(
  subject: string,
  what: string,
  { by }: Rule<number>,
  { deadLetters }: QueueRules,
  so: string,
): Finding {
  if (deadLetters !== undefined)
    return ok(subject, `${what} go to its dead-letter exchange "${deadLetters.value}", past this route (${by})`)
  return warn(subject, `${what} are dropped (${by}), for it has no dead-letter exchange: ${so}`, SOMEWHERE)
}

/** Major and minor. */
export type Version = readonly [number, number]

function atLeast([major, minor]: Version, wantMajor: number, wantMinor: number): boolean {
  return major > wantMajor || (major === wantMajor && minor >= wantMinor)
}

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
] as const

function span(ms: number): string {
  const [unit, size] = UNITS.find(([, size]) => ms >= size && ms % size === 0) ?? ['ms', 1]
  return `${ms / size}${unit}`
}
