import { type Answer, type Call, callHttp } from '../../core/http.ts'
import type { Address } from './address.ts'
import { refused, translate } from './errors.ts'
import { printTopic, type TopicName, topicPath } from './topic-name.ts'
import { plainReason } from './ws-dial.ts'

/** Messages of a subscription that are not acknowledged; undefined when it cannot be told. */
export type Backlog = (signal: AbortSignal) => Promise<number | undefined>

/** An answer, and the time of the broker in ms since 1970, in whole seconds. */
export interface Seen {
  readonly value: unknown
  readonly date: number | undefined
}

const EXISTS = 409

/** The broker's admin API, for the few things that its client APIs lack. */
export class Admin {
  readonly #address: Address
  readonly #url: string

  constructor(address: Address, url: string) {
    this.#address = address
    this.#url = url
  }

  /** Makes a partitioned topic, unless there is such a topic. Throws a SluiceError. */
  async createTopic(topic: TopicName, partitions: number, signal: AbortSignal): Promise<void> {
    const what = `creating ${printTopic(topic)}`
    const { status, text } = await this.#call('PUT', `${topicPath(topic)}/partitions`, String(partitions), what, signal)
    if (status >= 300 && status !== EXISTS) throw refused(status, reasonOf(text), what)
  }

  /** Undefined when topic or subscription do not exist. Throws a SluiceError. */
  async backlog(topic: TopicName, subscription: string, signal: AbortSignal): Promise<number | undefined> {
    const what = `the backlog of ${printTopic(topic)}`
    for (const kind of ['partitioned-stats', 'stats']) {
      const query = kind === 'stats' ? '' : '&perPartition=false'
      const path = `${topicPath(topic)}/${kind}?getPreciseBacklog=true${query}`
      const { status, text } = await this.#call('GET', path, undefined, what, signal)
      if (status === 404) continue
      if (status !== 200) throw refused(status, reasonOf(text), what)
      return backlogOf(text, subscription)
    }
    return undefined
  }

  /** What the admin API says at a path; undefined = there is nothing, or this user may not ask. Throws a SluiceError. */
  async look(path: string, what: string, signal: AbortSignal): Promise<Seen | undefined> {
    const { status, text, date } = await this.#call('GET', path, undefined, what, signal)
    if (status === 404 || status === 401 || status === 403) return undefined
    if (status !== 200) throw refused(status, reasonOf(text), what)
    try {
      return { value: JSON.parse(text) as unknown, date }
    } catch {
      return undefined
    }
  }

  #call(
    method: 'GET' | 'PUT',
    path: string,
    body: string | undefined,
    what: string,
    signal: AbortSignal,
  ): Promise<Answer> {
    const { token, tls, connectTimeoutMs } = this.#address
    const call: Call = {
      method,
      body,
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      tls,
      timeoutMs: connectTimeoutMs,
      translate: error => translate(error, what, 'CONNECT_FAILED'),
    }
    return callHttp(new URL(`${this.#url}/admin/v2/${path}`), what, call, signal)
  }
}

function reasonOf(text: string): string {
  try {
    const { reason } = JSON.parse(text) as { reason?: unknown }
    if (typeof reason === 'string') return reason.slice(0, 300)
  } catch {
    // An error page.
  }
  return plainReason(text)
}

function backlogOf(text: string, subscription: string): number | undefined {
  try {
    const stats = JSON.parse(text) as { subscriptions?: Record<string, { msgBacklog?: unknown }> }
    const backlog = stats.subscriptions?.[subscription]?.msgBacklog
    return typeof backlog === 'number' ? Math.max(0, backlog) : undefined
  } catch {
    return undefined
  }
}
