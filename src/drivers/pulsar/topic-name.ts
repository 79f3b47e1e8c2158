import { SluiceError } from '../../core/errors.ts'

/** `persistent://tenant/namespace/topic`, in its parts. */
export interface TopicName {
  readonly domain: 'persistent' | 'non-persistent'
  readonly tenant: string
  readonly namespace: string
  /** The last part. */
  readonly local: string
}

// Pulsar's NamedEntity for tenants and namespaces; of topics it refuses only what cannot stand in a path.
const ENTITY = /^[-=:.\w]+$/
const LOCAL = /^[^/\u0000-\u001f\u007f]{1,512}$/

/** The parts of `tenant/namespace`; undefined when it is none. */
export function parseNamespace(text: string): Pick<TopicName, 'tenant' | 'namespace'> | undefined {
  const [tenant, namespace, ...rest] = text.split('/')
  if (rest.length > 0 || !ENTITY.test(tenant ?? '') || !ENTITY.test(namespace ?? '')) return undefined
  return { tenant: tenant!, namespace: namespace! }
}

/**
 * Reads `persistent://tenant/namespace/topic`, `tenant/namespace/topic` or, in the namespace given, `topic`.
 * Undefined when it is none of these.
 */
export function parseTopic(text: string, home: Pick<TopicName, 'tenant' | 'namespace'>): TopicName | undefined {
  const match = /^(?:(persistent|non-persistent):\/\/)?(.*)$/s.exec(text)!
  const domain = (match[1] ?? 'persistent') as TopicName['domain']
  const parts = match[2]!.split('/')
  const local = parts.at(-1)!
  if (!LOCAL.test(local) || !local.isWellFormed()) return undefined
  if (parts.length === 1) return match[1] === undefined ? { domain, ...home, local } : undefined
  const place = parts.length === 3 ? parseNamespace(`${parts[0]}/${parts[1]}`) : undefined
  return place === undefined ? undefined : { domain, ...place, local }
}

/** Like parseTopic. Throws OPTIONS_INVALID. */
export function readTopic(text: string, home: Pick<TopicName, 'tenant' | 'namespace'>): TopicName {
  const topic = parseTopic(text, home)
  if (topic !== undefined) return topic
  throw new SluiceError('OPTIONS_INVALID', `"${text.slice(0, 600)}" cannot be the name of a topic`, {
    hint: 'Write `orders`, `tenant/namespace/orders` or `persistent://tenant/namespace/orders`.',
  })
}

export function printTopic({ domain, tenant, namespace, local }: TopicName): string {
  return `${domain}://${tenant}/${namespace}/${local}`
}

/** The path of the name in the broker's HTTP and WebSocket addresses. */
export function topicPath({ domain, tenant, namespace, local }: TopicName): string {
  return `${domain}/${tenant}/${namespace}/${encodeURIComponent(local)}`
}

/** The topic without the `-partition-N` of one of its partitions. */
export function withoutPartition(topic: TopicName): TopicName {
  const local = topic.local.replace(/-partition-\d+$/, '')
  return local === topic.local || local === '' ? topic : { ...topic, local }
}
