import { compileTemplate } from '../../core/expression.ts'
import { clock, type Examined, type Finding, fail, failed, ok, unseen, warn } from '../../core/finding.ts'
import { bytes } from '../../core/schema.ts'
import type { Address } from './address.ts'
import { Admin } from './admin.ts'
import type { SinkOptions } from './sink-options.ts'
import type { CreateOptions, SourceOptions } from './source-options.ts'
import { printTopic, readTopic, type TopicName, topicPath } from './topic-name.ts'
import type { Transport } from './transport.ts'

const NO_ADMIN =
  'Name the admin API in the connection (`admin: http://…:8080`); asking in another way would create the topic.'

/** Looks at the topics and the subscription of a source. */
export async function examineSource(
  address: Address,
  { topic, topics = [], pattern, subscription, create }: SourceOptions,
  route: string,
  signal: AbortSignal,
): Promise<Examined> {
  if (pattern !== undefined)
    return { findings: [unseen(`topics /${pattern}/`, 'which topics match shows when the route runs')] }
  const names = (topic === undefined ? topics : [topic]).map(name => readTopic(name, address.home))
  const findings: Finding[] = []
  for (const name of names)
    findings.push(...(await examineTopic(address, name, create, subscription ?? `sluice.${route}`, signal)))
  return { findings }
}

/** Looks at the topic of a sink. */
export async function examineSink(
  address: Address,
  transport: Transport,
  options: SinkOptions,
  signal: AbortSignal,
): Promise<Examined> {
  const { topic, create, maxMessageBytes } = options
  const maxBytes = maxMessageBytes === undefined ? transport.maxMessageBytes : bytes(maxMessageBytes)
  const { constant } = compileTemplate(String(topic))
  if (constant === undefined) return { findings: [unseen(`topic ${topic}`, 'it depends on the message')], maxBytes }
  const name = readTopic(String(constant), address.home)
  const findings = await examineTopic(address, name, create, undefined, signal)
  return { findings: [...findings, ...(await durability(address, name, signal))], maxBytes }
}

async function examineTopic(
  address: Address,
  topic: TopicName,
  create: CreateOptions | undefined,
  subscription: string | undefined,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const subject = `topic ${printTopic(topic)}`
  if (address.admin === undefined)
    return [unseen(subject, 'whether it is there cannot be seen without the admin API', NO_ADMIN)]
  const admin = new Admin(address, address.admin)
  try {
    const namespace = await admin.look(`namespaces/${topic.tenant}/${topic.namespace}`, subject, signal)
    if (namespace === undefined)
      return [
        fail(
          subject,
          `the namespace ${topic.tenant}/${topic.namespace} does not exist, or this user may not see it`,
          'Create it, correct its name, or give the role of the token access.',
        ),
      ]
    const time = namespace.date === undefined ? [] : [clock('broker', namespace.date)]
    for (const kind of ['partitioned-stats', 'stats']) {
      const stats = await admin.look(
        `${topicPath(topic)}/${kind}${kind === 'stats' ? '' : '?perPartition=false'}`,
        subject,
        signal,
      )
      if (stats === undefined) continue
      return [ok(subject, 'it is there'), ...subscriptionFinding(stats.value, subscription), ...time]
    }
    const made = create === undefined ? 'the broker creates it, where its namespace allows that' : 'Sluice creates it'
    return [ok(subject, `it is not there yet; ${made}`), ...time]
  } catch (error) {
    signal.throwIfAborted()
    return [failed(subject, error)]
  }
}

function subscriptionFinding(stats: unknown, name: string | undefined): readonly Finding[] {
  if (name === undefined) return []
  const { subscriptions = {} } = stats as { subscriptions?: Record<string, { msgBacklog?: unknown }> }
  const found = subscriptions[name]
  const subject = `subscription ${name}`
  if (found === undefined) return [ok(subject, 'it is not there yet; Sluice makes it, and begins as `from` says')]
  return [ok(subject, `it is there, with ${String(found.msgBacklog ?? 'some')} messages waiting`)]
}

async function durability(address: Address, topic: TopicName, signal: AbortSignal): Promise<readonly Finding[]> {
  const subject = `namespace ${topic.tenant}/${topic.namespace}`
  const hidden = 'how many copies it keeps (write and ack quorum) cannot be seen'
  if (address.admin === undefined) return [unseen(subject, hidden, NO_ADMIN)]
  try {
    const path = `namespaces/${topic.tenant}/${topic.namespace}/persistence`
    const seen = await new Admin(address, address.admin).look(path, subject, signal)
    const { bookkeeperAckQuorum: acks } = (seen?.value ?? {}) as { bookkeeperAckQuorum?: number }
    if (acks === undefined)
      return [
        unseen(
          subject,
          `${hidden}: the defaults of the broker hold`,
          'managedLedgerDefaultAckQuorum should be 2 or more.',
        ),
      ]
    if (acks < 2)
      return [
        warn(
          subject,
          `one bookie confirms alone (ack quorum ${acks}): what it confirmed is lost with it`,
          'Set the ack quorum to 2: `pulsar-admin namespaces set-persistence`.',
        ),
      ]
    return [ok(subject, `${acks} bookies confirm each message`)]
  } catch (error) {
    signal.throwIfAborted()
    return [failed(subject, error)]
  }
}
