import { randomUUID } from 'node:crypto'
import type { BrokerInfo } from './kinds.ts'
import { pulsarAdmin, pulsarToken } from './pulsar-login.ts'

type Access = Pick<BrokerInfo, 'listeners'>

/** One request to Pulsar's admin API, as its administrator. Rejects where the answer is not 2xx. */
export async function callPulsar(
  broker: Access,
  method: 'GET' | 'PUT' | 'POST' | 'DELETE',
  path: string,
  body?: unknown,
  token = pulsarToken(pulsarAdmin),
): Promise<unknown> {
  const response = await fetch(`http://${broker.listeners['plain']}/admin/v2/${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(60_000),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text.slice(0, 300)}`)
  if (text === '') return undefined
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** Makes a namespace and gives its name, with the tenant. */
export async function newNamespace(broker: Access, token?: string): Promise<string> {
  const name = `public/test-${randomUUID().slice(0, 8)}`
  await callPulsar(broker, 'PUT', `namespaces/${name}`, { replication_clusters: ['standalone'] }, token)
  return name
}

/** Lets a role read and write in a namespace. */
export async function permit(broker: Access, role: string, namespace: string, token?: string): Promise<void> {
  await callPulsar(broker, 'POST', `namespaces/${namespace}/permissions/${role}`, ['produce', 'consume'], token)
}
