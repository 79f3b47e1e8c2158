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

export interface Call extends Asking {
  /** Default GET. */
  readonly method?: 'GET' | 'PUT'
  /** JSON. */
  readonly body?: string | undefined
  /** What becomes of a failure of the connection. Default: TLS_FAILED or CONNECT_FAILED. */
  readonly translate?: (error: unknown, what: string) => SluiceError
}

export interface Answer {
  readonly status: number
  readonly text: string
  /** The server's clock, in ms since 1970, in whole seconds. */
  readonly date: number | undefined
}

export interface JsonAnswer {
  readonly status: number
  /** Undefined where the body is not JSON. */
  readonly value: unknown
}

const MOST_BYTES = 16 * 1024 * 1024
const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|SSL|TLS|EPROTO|HOSTNAME_MISMATCH/

/**
 * Calls a broker's HTTP interface, on a connection of its own; follows nothing. `what` begins each error. Throws ABORTED,
 * TIMED_OUT and what `translate` says; a refusal is an answer.
 */
export async function callHttp(url: URL, what: string, call: Call, signal: AbortSignal): Promise<Answer> {
  const { method = 'GET', body, tls = {}, timeoutMs, translate = failed } = call
  const json =
    body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
  const { promise, resolve, reject } = Promise.withResolvers<Answer>()
  const timeout = AbortSignal.timeout(timeoutMs)
  const options = {
    method,
    headers: { ...call.headers, ...json },
    agent: false as const,
    signal: AbortSignal.any([signal, timeout]),
  }
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
      const date = Date.parse(response.headers.date ?? '') || undefined
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text, date }))
    })
    sent.end(body)
    return await promise
  } catch (error) {
    if (signal.aborted) throw new SluiceError('ABORTED', `${what}: given up`)
    if (timeout.aborted) throw new SluiceError('TIMED_OUT', `${what}: no answer within ${timeoutMs} ms`)
    throw translate(error, what)
  }
}

/** What a broker's HTTP interface answers, as JSON. Throws ABORTED, TIMED_OUT, TLS_FAILED and CONNECT_FAILED. */
export async function getJson(url: URL, what: string, asking: Asking, signal: AbortSignal): Promise<JsonAnswer> {
  const { status, text } = await callHttp(url, what, asking, signal)
  return { status, value: parsed(text) }
}

function failed(error: unknown, what: string): SluiceError {
  const code = CERTIFICATE.test(String((error as NodeJS.ErrnoException).code)) ? 'TLS_FAILED' : 'CONNECT_FAILED'
  return new SluiceError(code, `${what}: ${describe(error)}`, { cause: error })
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
