import { type ErrorCode, SluiceError } from '../../core/errors.ts'
import { getJson } from '../../core/http.ts'
import type { ManagementAccess } from './login.ts'

/** What the management API tells of a queue, as far as it is used. */
export interface QueueTold {
  readonly type: string
  readonly arguments: Readonly<Record<string, unknown>>
  /** Policy and operator policy, merged by the broker; empty without any. */
  readonly policy: Readonly<Record<string, unknown>>
  /** Names of both. */
  readonly policyNames: readonly string[]
}

const CODES: Readonly<Record<number, ErrorCode>> = { 401: 'AUTH_FAILED', 403: 'ACCESS_DENIED' }

/** RabbitMQ's HTTP API, for what AMQP does not tell. It is only read. */
export class Management {
  readonly #access: ManagementAccess

  constructor(access: ManagementAccess) {
    this.#access = access
  }

  /** Undefined when it is not there. Throws a SluiceError when this user may not ask, or nobody answers. */
  async queue(name: string, signal: AbortSignal): Promise<QueueTold | undefined> {
    const { url, vhost, authorization, tls, timeoutMs } = this.#access
    const path = `/api/queues/${encodeURIComponent(vhost)}/${encodeURIComponent(name)}`
    const what = `the management API at ${url.host}`
    const asking = { headers: { authorization, accept: 'application/json' }, tls, timeoutMs }
    const { status, value } = await getJson(
      new URL(`${url.pathname.replace(/\/+$/, '')}${path}`, url),
      what,
      asking,
      signal,
    )
    if (status === 404) return undefined
    if (status !== 200 || typeof value !== 'object' || value === null) throw refusal(status, value, what)
    const told = value as Record<string, unknown>
    return {
      type: String(told['type'] ?? 'classic'),
      arguments: plain(told['arguments']),
      policy: plain(told['effective_policy_definition']),
      policyNames: [told['policy'], told['operator_policy']].filter(named),
    }
  }
}

const named = (name: unknown): name is string => typeof name === 'string' && name !== ''

// Erlang writes an empty object as an empty list.
function plain(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {}
}

function refusal(status: number, value: unknown, what: string): SluiceError {
  const { reason } = (value ?? {}) as { reason?: unknown }
  const said = typeof reason === 'string' ? `: ${reason.slice(0, 200)}` : ''
  const hint =
    status === 401 || status === 403
      ? 'Give the user the tag `management` (rabbitmqctl set_user_tags) and the vhost, or write another `user:password@` into `management`.'
      : 'Correct `management` of the connection: it is where the management plug-in listens, e.g. http://rabbit-1:15672.'
  return new SluiceError(CODES[status] ?? 'UNAVAILABLE', `${what} answers ${status}${said}`, { hint })
}
