import type { TSchema } from 'typebox'
import type { Access } from './access.ts'

/** A request that has passed access control and its schemas. */
export interface ApiRequest {
  readonly params: Readonly<Record<string, string>>
  /** As the endpoint's `query` says, defaults filled in. */
  readonly query: Readonly<Record<string, unknown>>
  /** As the endpoint's `body` says, defaults filled in. */
  readonly body: unknown
  /** If-Match without its quotes; undefined when absent or `*`. */
  readonly ifMatch: string | undefined
  /** The header, as it was sent. */
  readonly authorization: string | undefined
  /** The caller has gone, or the endpoint's time is over. */
  readonly signal: AbortSignal
}

/** One event of a stream. */
export interface StreamEvent {
  readonly event: string
  readonly data: unknown
}

interface Operation {
  readonly method: 'GET' | 'POST' | 'PUT'
  /** With parameters as `:name`. */
  readonly path: string
  /** Name of the operation for generated clients. */
  readonly id: string
  readonly summary: string
  readonly access: Access
  readonly query?: TSchema
  readonly body?: TSchema
  /** Of the answer, or of each event's data. */
  readonly answer: TSchema
  /** Codes of refusals beyond those any endpoint may give. */
  readonly refusals?: readonly string[]
}

/** Answers once. */
export interface Call extends Operation {
  /** Longest time, in ms. Default: 10 s. */
  readonly within?: number
  handle(request: ApiRequest): unknown
}

/** Answers with server-sent events until the caller goes. */
export interface Stream extends Operation {
  events(request: ApiRequest): AsyncIterable<StreamEvent>
}

export type Endpoint = Call | Stream

export const isStream = (endpoint: Endpoint): endpoint is Stream => 'events' in endpoint
