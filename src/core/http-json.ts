import { request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import type { ConnectionOptions as TlsSettings } from 'node:tls'
import { describe, SluiceError } from './errors.ts'

export interface Asking {
  readonly headers?: Readonly<Record<string, string>>
  /** For `https:`. */
  readonly tls?: TlsSettings
  /** Longest wait for the whole answer, in ms. */
  readonly timeoutMs: number
}

export interface JsonAnswer {
  readonly status: number
  /** Undefined where the body is not JSON. */
  readonly value: unknown
}

const MOST_BYTES = 16 * 1024 * 1024
const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|SSL|TLS|EPROTO|HOSTNAME_MISMATCH/

/**
 * Asks a broker's HTTP interface, on a connection of its own; follows nothing. `what` begins each error. Throws ABORTED,
 * TIMED_OUT, TLS_FAILED and CONNECT_FAILED; a refusal is an answer.
 */
export async function getJson(
  url: URL,
  what: string,
  { headers = {}, tls = {}, timeoutMs }: Asking,
  signal: AbortSignal,
): Promise<JsonAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<JsonAnswer>()
  const timeout = AbortSignal.timeout(timeoutMs)
  const options = { headers, agent: false as const, signal: AbortSignal.any([signal, timeout]) }
  try {
    const sent = url.protocol === 'https:' ? requestHttps(url, { ...options, ...tls }) : requestHttp(url, options)
    sent.on('error', reject)
    sent.on('response', response => {
      let text = ''
      response.setEncoding('utf8')
      response.on('error', reject)
      response.on('data', (part: string) => {
        text += part
        if (text.length > MOST_BYTES) response.destroy(new Error('the answer is too long'))
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, value: parsed(text) }))
    })
    sent.end()
    return await promise
  } catch (error) {
    if (signal.aborted) throw new SluiceError('ABORTED', `${what}: given up`)
    if (timeout.aborted) throw new SluiceError('TIMED_OUT', `${what}: no answer within ${timeoutMs} ms`)
    const code = CERTIFICATE.test(String((error as NodeJS.ErrnoException).code)) ? 'TLS_FAILED' : 'CONNECT_FAILED'
    throw new SluiceError(code, `${what}: ${describe(error)}`, { cause: error })
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
