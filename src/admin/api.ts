import { Ajv, type ValidateFunction } from 'ajv'
import type { Context, Hono } from 'hono'
import type { TSchema } from 'typebox'
import { describe } from '../core/errors.ts'
import type { Log } from '../core/ports.ts'
import type { Access, AccessControl, Caller } from './access.ts'
import { type ApiRequest, type Call, type Endpoint, isStream, type Stream } from './endpoint.ts'
import { eventStream } from './event-stream.ts'
import { mapTexts } from './redaction.ts'
import { problemDetails, Refusal, refusalOf } from './refusal.ts'

export interface ApiOptions {
  readonly endpoints: readonly Endpoint[]
  readonly access: AccessControl
  readonly log: Log
  /** Hides secrets in a text. */
  redact(text: string): string
  /** The server closes: streams end. */
  readonly closing: AbortSignal
}

const MOST_BODY = 16_384
const MOST_STREAMS = 20
const WITHIN = 10_000
const JSON_TYPE = 'application/json; charset=utf-8'
const PROBLEM_TYPE = 'application/problem+json; charset=utf-8'

/** The endpoints over HTTP: who may, what was asked, in which time, what the answer looks like. */
export class Api {
  readonly #options: ApiOptions
  readonly #queries = new Ajv({ coerceTypes: true, useDefaults: true, strict: false })
  readonly #bodies = new Ajv({ useDefaults: true, strict: false })
  #streams = 0

  constructor(options: ApiOptions) {
    this.#options = options
  }

  /** Puts every endpoint under its path. */
  mount(app: Hono): void {
    const { endpoints } = this.#options
    for (const endpoint of endpoints) {
      const query = endpoint.query && this.#queries.compile(endpoint.query)
      const body = endpoint.body && this.#bodies.compile(endpoint.body)
      app.on(endpoint.method, endpoint.path, context =>
        this.guarded(context, endpoint.access, () => this.#answer(context, endpoint, query, body)),
      )
    }
  }

  /** Runs what only some may do; what it throws becomes a problem. */
  async guarded(context: Context, access: Access, act: () => Response | Promise<Response>): Promise<Response> {
    try {
      const caller = callerOf(context)
      this.#options.access.origin(caller)
      this.#options.access.check(access, caller)
      return await act()
    } catch (error) {
      return this.refuse(context, error)
    }
  }

  refuse(context: Context, error: unknown): Response {
    const refusal = refusalOf(error)
    if (refusal.code === 'FAILED')
      this.#options.log.error({ error, path: context.req.path }, `the admin API failed: ${describe(error)}`)
    const headers: Record<string, string> = { 'content-type': PROBLEM_TYPE }
    if (refusal.status === 401) headers['www-authenticate'] = 'Bearer'
    return context.body(this.text(problemDetails(refusal)), refusal.status, headers)
  }

  /** JSON in which no secret is left. */
  text(answer: unknown): string {
    return `${JSON.stringify(mapTexts(answer, text => this.#options.redact(text)))}\n`
  }

  async #answer(
    context: Context,
    endpoint: Endpoint,
    query: ValidateFunction | undefined,
    body: ValidateFunction | undefined,
  ): Promise<Response> {
    const request: Omit<ApiRequest, 'signal'> = {
      params: context.req.param() as Record<string, string>,
      query: valid(query, queryOf(context, endpoint.query), 'the query'),
      body: body === undefined ? undefined : valid(body, await bodyOf(context), 'the body'),
      ifMatch: ifMatchOf(context),
      authorization: context.req.header('authorization'),
    }
    return isStream(endpoint) ? this.#stream(context, endpoint, request) : this.#call(context, endpoint, request)
  }

  async #call(context: Context, call: Call, request: Omit<ApiRequest, 'signal'>): Promise<Response> {
    const within = AbortSignal.timeout(call.within ?? WITHIN)
    const signal = AbortSignal.any([context.req.raw.signal, within, this.#options.closing])
    const answer = await inTime(async () => call.handle({ ...request, signal }), signal)
    return context.body(this.text(answer), 200, { 'content-type': JSON_TYPE })
  }

  async #stream(context: Context, stream: Stream, request: Omit<ApiRequest, 'signal'>): Promise<Response> {
    // Nobody would read it, and so nobody would end it.
    if (context.req.method === 'HEAD') throw new Refusal('METHOD_NOT_ALLOWED', 'a stream has to be read')
    if (this.#streams >= MOST_STREAMS) throw new Refusal('TOO_MANY', `there are ${MOST_STREAMS} streams already`)
    this.#streams++
    const gone = new AbortController()
    const signal = AbortSignal.any([context.req.raw.signal, gone.signal, this.#options.closing])
    try {
      return await eventStream({
        events: stream.events({ ...request, signal })[Symbol.asyncIterator](),
        text: data => this.text(data).trimEnd(),
        signal,
        gone: () => gone.abort(),
        ended: () => {
          this.#streams--
        },
      })
    } catch (error) {
      this.#streams--
      throw error
    }
  }
}

async function inTime<T>(act: () => Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const end = () => reject(new Refusal('TIMED_OUT', 'the answer took too long'))
  signal.addEventListener('abort', end)
  try {
    return await Promise.race([act(), late])
  } finally {
    signal.removeEventListener('abort', end)
  }
}

export function callerOf(context: Context): Caller {
  return {
    host: context.req.header('host'),
    authorization: context.req.header('authorization'),
    site: context.req.header('sec-fetch-site'),
  }
}

function queryOf(context: Context, schema: TSchema | undefined): Record<string, unknown> {
  return schema === undefined ? {} : { ...context.req.query() }
}

function ifMatchOf(context: Context): string | undefined {
  const header = context.req.header('if-match')?.trim()
  return header === undefined || header === '*' ? undefined : header.replace(/^(?:W\/)?"(.*)"$/, '$1')
}

/**
 * The body as JSON, `{}` for none. Read here, byte by byte: one without a length must not be read whole before it is found too
 * large. Throws TOO_LARGE, INVALID_REQUEST.
 */
export async function bodyOf(context: Context): Promise<unknown> {
  const tooLarge = () => new Refusal('TOO_LARGE', 'the body is larger than 16 KiB')
  if (Number(context.req.header('content-length') ?? 0) > MOST_BODY) throw tooLarge()
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of context.req.raw.body ?? []) {
    size += chunk.length
    if (size > MOST_BODY) throw tooLarge()
    chunks.push(chunk)
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8') || '{}') as unknown
  } catch {
    throw new Refusal('INVALID_REQUEST', 'the body is not JSON')
  }
}

function valid<T>(validate: ValidateFunction | undefined, value: T, what: string): T {
  if (validate === undefined || validate(value)) return value
  const [error] = validate.errors ?? []
  const place = error?.instancePath.replaceAll('/', '.') ?? ''
  const detail = error?.keyword === 'additionalProperties' ? ` (${error.params['additionalProperty']})` : ''
  throw new Refusal('INVALID_REQUEST', `${what}${place} ${error?.message ?? 'is wrong'}${detail}`)
}
