import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Bulk, bulk, type Shape } from './elasticsearch-bulk.ts'
import { Index } from './elasticsearch-index.ts'

export interface ServerOptions {
  /** `user:password`, and an API key; without both everybody is let in. */
  readonly login?: string
  readonly apiKey?: string
  readonly tls?: { readonly key: string; readonly cert: string }
  /** `http.max_content_length`. Default 100 MiB. */
  readonly maxContentLength?: number
}

interface Answer {
  readonly status: number
  readonly body: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/** What can be made to go wrong. */
export interface Faults {
  /** How long a request lies before it is looked at, in ms: the number of the request since the start, from 0. */
  latency: ((n: number) => number) | undefined
  /** Items refused so before they are looked at: the number of the item since the start, from 0. */
  item:
    | ((n: number) => { readonly status: number; readonly type: string; readonly reason: string } | undefined)
    | undefined
  /** Whole requests answered so. */
  request: (() => Answer | undefined) | undefined
  /** Bulk requests are carried out, and their answer is never sent. */
  silent: boolean
  /** Without it no client believes that this is Elasticsearch. */
  product: string | undefined
}

/**
 * A stand-in for Elasticsearch: a real HTTP server on loopback that keeps documents in memory and speaks as much of the
 * API as a sink and its tests need: info, `_bulk`, `_refresh`, `_search`, `_doc`.
 */
export class ElasticsearchServer implements AsyncDisposable, Shape {
  readonly indices = new Map<string, Index>()
  readonly faults: Faults = {
    latency: undefined,
    item: undefined,
    request: undefined,
    silent: false,
    product: 'Elasticsearch',
  }
  /** Each bulk request that was carried out: how many documents it had, when it came, and with which parameters. */
  readonly bulks: Bulk[] = []
  items = 0
  readonly #options: ServerOptions
  readonly #sockets = new Set<Socket>()
  #server: Server | undefined
  #port = 0
  #requests = 0

  private constructor(options: ServerOptions) {
    this.#options = options
  }

  static async start(options: ServerOptions = {}): Promise<ElasticsearchServer> {
    const server = new ElasticsearchServer(options)
    await server.up()
    return server
  }

  get port(): number {
    return this.#port
  }

  get url(): string {
    return `elasticsearch${this.#options.tls === undefined ? '' : 's'}://${this.#options.login === undefined ? '' : `${this.#options.login}@`}localhost:${this.#port}`
  }

  /** Indices are made by the first write, but for those whose name begins with `missing`. */
  index(name: string): Index | undefined {
    const index = this.indices.get(name)
    if (index !== undefined || name.startsWith('missing')) return index
    const made = new Index()
    this.indices.set(name, made)
    return made
  }

  /** Listens, at the port it had before. */
  async up(): Promise<void> {
    const handle = (request: IncomingMessage, response: ServerResponse) => void this.#handle(request, response)
    const { tls } = this.#options
    this.#server = tls === undefined ? createServer(handle) : createTlsServer(tls, handle)
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket)
      socket.on('close', () => this.#sockets.delete(socket))
    })
    this.#server.listen(this.#port, '127.0.0.1')
    await once(this.#server, 'listening')
    this.#port = (this.#server.address() as AddressInfo).port
  }

  /** Stops listening and cuts what is connected; documents stay. */
  async down(): Promise<void> {
    const server = this.#server
    if (server === undefined) return
    this.#server = undefined
    const closed = once(server, 'close')
    server.close()
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const parts: Buffer[] = []
    let size = 0
    try {
      for await (const part of request as AsyncIterable<Buffer>) {
        size += part.length
        parts.push(part)
      }
    } catch {
      return // cut off half-way
    }
    const wait = this.faults.latency?.(this.#requests++) ?? 0
    if (wait > 0) await sleep(wait, undefined, { ref: false })
    const tooLong = size > (this.#options.maxContentLength ?? 100 * 2 ** 20)
    const answer =
      this.#barred(request) ??
      (tooLong ? { status: 413, body: '' } : undefined) ??
      this.#serve(request, Buffer.concat(parts))
    if (answer === undefined || response.destroyed) return
    const { product } = this.faults
    const text = typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body)
    response.writeHead(answer.status, {
      ...(product === undefined ? {} : { 'x-elastic-product': product }),
      ...(text === '' ? {} : { 'content-type': 'application/vnd.elasticsearch+json;compatible-with=9' }),
      ...answer.headers,
    })
    response.end(text)
  }

  #barred({ headers }: IncomingMessage): Answer | undefined {
    const { login, apiKey } = this.#options
    if (login === undefined && apiKey === undefined) return undefined
    const allowed = [`Basic ${Buffer.from(login ?? '').toString('base64')}`, `ApiKey ${apiKey}`]
    if (allowed.includes(headers.authorization ?? '')) return undefined
    return failed(401, 'security_exception', 'unable to authenticate user for REST request')
  }

  #serve({ method, url, headers }: IncomingMessage, body: Buffer): Answer | undefined {
    const { pathname, searchParams } = new URL(url!, 'http://stand-in')
    const [index = '', api, id] = pathname.split('/').slice(1).map(decodeURIComponent)
    const fault = this.faults.request?.()
    if (fault !== undefined) return fault
    if (pathname === '/')
      return { status: 200, body: { version: { number: '9.4.0' }, tagline: 'You Know, for Search' } }
    if (method === 'POST' && pathname === '/_bulk') {
      if (!/x-ndjson/.test(headers['content-type'] ?? ''))
        return failed(406, 'media_type_header_exception', 'not ndjson')
      const answer = bulk(this, body.toString('utf8'), searchParams)
      return this.faults.silent ? undefined : answer
    }
    const place = this.indices.get(index)
    if (place === undefined) return failed(404, 'index_not_found_exception', `no such index [${index}]`)
    if (api === '_refresh') {
      place.refresh()
      return { status: 200, body: {} }
    }
    if (api === '_doc') {
      const found = place.get(id ?? '')
      const { source: _source, version: _version } = found ?? {}
      return {
        status: found ? 200 : 404,
        body: { _index: index, _id: id, found: found !== undefined, _source, _version },
      }
    }
    if (api !== '_search') return failed(400, 'illegal_argument_exception', `no handler found for uri [${url}]`)
    const { search_after: [after] = [-1], size = 10 } = JSON.parse(body.toString() || '{}') as Search
    const hits = place.search(after, size).map(one => ({ _id: one.id, _source: one.source, sort: [one.sequence] }))
    return { status: 200, body: { hits: { hits } } }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.down()
  }
}

/** Of `_search`, always sorted by `_seq_no`. */
interface Search {
  readonly search_after?: readonly [number]
  readonly size?: number
}

export function failed(status: number, type: string, reason: string): Answer {
  return { status, body: { error: { root_cause: [{ type, reason }], type, reason }, status } }
}
