import type { Admin, ClusterTopicMetadata } from '@platformatic/kafka'
import { SluiceError } from '../../core/errors.ts'
import { compileTemplate } from '../../core/expression.ts'
import { type Examined, type Finding, fail, failed, ok, unseen, warn } from '../../core/finding.ts'
import { bytes } from '../../core/schema.ts'
import { abortable } from '../../core/waiting.ts'
import type { Address } from './address.ts'
import { adminClient } from './client.ts'
import { kafkaError } from './errors.ts'
import { checkGroup } from './group-access.ts'
import type { SinkOptions } from './sink-options.ts'
import type { SourceOptions } from './source-options.ts'
import { sourceSettings } from './source-settings.ts'
import { retentionFindings, topicSettings } from './topic-settings.ts'
import { isUnknownTopic, matchingTopics } from './topics.ts'

/** Most topics of a pattern that are looked at. */
const MOST_TOPICS = 20

/** Looks at the topics and the group of a source. */
export async function examineSource(
  address: Address,
  options: SourceOptions,
  route: string,
  signal: AbortSignal,
): Promise<Examined> {
  const settings = sourceSettings(options, route)
  return await withAdmin(address, signal, async admin => {
    const findings: Finding[] = []
    const { pattern, group } = settings
    const topics = pattern === undefined ? settings.topics : await matchingTopics(admin, pattern, signal)
    if (topics.length === 0)
      findings.push(
        fail(`topics /${pattern?.source}/`, 'ADDRESS_MISSING: no topic matches', 'Create one, or correct the pattern.'),
      )
    let maxBytes: number | undefined
    for (const name of topics.slice(0, MOST_TOPICS)) {
      const found = await findTopic(admin, name, signal)
      if (found === undefined) {
        findings.push(fail(`topic ${name}`, 'ADDRESS_MISSING: it does not exist', 'Create it, or correct its name.'))
        continue
      }
      findings.push(leaders(name, found))
      const { maxMessageBytes } = await topicSettings(admin, name, signal)
      if (maxMessageBytes !== undefined) maxBytes = Math.max(maxBytes ?? 0, maxMessageBytes)
    }
    findings.push(await groupFinding(admin, address, group, signal))
    return { findings, maxBytes }
  })
}

/** Looks at the topic of a sink. */
export async function examineSink(address: Address, options: SinkOptions, signal: AbortSignal): Promise<Examined> {
  const { constant } = compileTemplate(String(options.topic))
  const stated = options.maxMessageBytes === undefined ? undefined : bytes(options.maxMessageBytes)
  if (constant === undefined)
    return { findings: [unseen(`topic ${options.topic}`, 'it depends on the message')], maxBytes: stated }
  const name = String(constant)
  return await withAdmin(address, signal, async admin => {
    const found = await findTopic(admin, name, signal)
    if (found === undefined) return { findings: [missing(name, options)], maxBytes: stated }
    const settings = await topicSettings(admin, name, signal)
    const findings = [leaders(name, found), durability(name, found, settings.minInSync)]
    findings.push(...retentionFindings(name, settings))
    findings.push(unseen(`topic ${name}`, 'whether this user may write to it shows with the first message only'))
    const { maxMessageBytes } = settings
    if (stated !== undefined && maxMessageBytes !== undefined && stated > maxMessageBytes)
      findings.push(
        warn(
          `topic ${name}`,
          `the route sends messages up to ${stated} bytes (maxMessageBytes), and the topic takes ${maxMessageBytes}`,
          'Raise `max.message.bytes` of the topic, or lower `maxMessageBytes`.',
        ),
      )
    return { findings, maxBytes: stated ?? maxMessageBytes }
  })
}

async function withAdmin(
  address: Address,
  signal: AbortSignal,
  work: (admin: Admin) => Promise<Examined>,
): Promise<Examined> {
  const admin = adminClient({ ...address, requestTimeout: address.connectTimeout })
  try {
    return await work(admin)
  } catch (error) {
    signal.throwIfAborted()
    throw error instanceof SluiceError ? error : kafkaError(error, 'examining the cluster')
  } finally {
    await admin.close().catch(() => {})
  }
}

// Undefined = there is none. The client is made not to create topics by asking for them.
async function findTopic(admin: Admin, name: string, signal: AbortSignal): Promise<ClusterTopicMetadata | undefined> {
  try {
    const { topics } = await abortable(admin.metadata({ topics: [name], forceUpdate: true }), signal)
    return topics.get(name)
  } catch (error) {
    signal.throwIfAborted()
    if (isUnknownTopic(error)) return undefined
    throw kafkaError(error, `looking up topic ${name}`)
  }
}

function missing(name: string, { create }: SinkOptions): Finding {
  const subject = `topic ${name}`
  if (create === undefined)
    return fail(subject, 'ADDRESS_MISSING: it does not exist', 'Create it, or let Sluice do so with `create`.')
  const { partitions, replication } = create
  if (replication === 1)
    return warn(
      subject,
      `it is not there yet; Sluice creates it with one replica: what is on a broker that is lost is lost`,
      'In a cluster write `replication: 3`, and `config: { min.insync.replicas: 2 }`.',
    )
  return ok(subject, `it is not there yet; Sluice creates it with ${partitions} partitions and ${replication} replicas`)
}

function leaders(name: string, { partitions }: ClusterTopicMetadata): Finding {
  const all = [...partitions]
  const without = all.filter(partition => (partition?.leader ?? -1) < 0).length
  if (without === 0)
    return ok(`topic ${name}`, `it is there, with ${all.length} partition${all.length === 1 ? '' : 's'}`)
  return fail(
    `topic ${name}`,
    `${without} of ${all.length} partitions have no leader`,
    'Bring the brokers back that hold them.',
  )
}

function durability(name: string, { partitions }: ClusterTopicMetadata, minInSync: number | undefined): Finding {
  const subject = `topic ${name}`
  const replicas = Math.min(...partitions.map(partition => partition.replicas.length))
  const inSync = Math.min(...partitions.map(partition => partition.isr.length))
  const least = minInSync ?? 1
  if (inSync < least)
    return fail(
      subject,
      `a partition has ${inSync} replicas in sync, and min.insync.replicas is ${least}: the broker refuses what is written to it`,
      'Bring the missing brokers back.',
    )
  if (replicas === 1)
    return warn(
      subject,
      'a partition has one replica: what Sluice acknowledged is lost with that broker’s disk',
      'Reassign the partitions with a replication factor of 3, and set min.insync.replicas to 2.',
    )
  if (minInSync === undefined)
    return unseen(subject, 'this user may not read min.insync.replicas', 'It should be 2 or more.')
  if (least === 1)
    return warn(
      subject,
      `min.insync.replicas is 1: with the others out of sync, one of ${replicas} replicas confirms alone, and what it confirmed is lost with it`,
      'Set min.insync.replicas of the topic to 2.',
    )
  return ok(subject, `${replicas} replicas, min.insync.replicas ${least}, ${inSync} in sync`)
}

async function groupFinding(admin: Admin, address: Address, group: string, signal: AbortSignal): Promise<Finding> {
  try {
    await checkGroup(admin, address.brokers, group, signal)
    return ok(`group ${group}`, 'this user may join it')
  } catch (error) {
    signal.throwIfAborted()
    return failed(`group ${group}`, error)
  }
}
