import { Ajv, type ValidateFunction } from 'ajv'
import { expect, onTestFinished } from 'vitest'
import type { LogLevelControl } from '../../src/admin/log-endpoints.ts'
import type { Reloading } from '../../src/admin/reloading.ts'
import { AdminServer } from '../../src/admin/server.ts'
import type { AdminConfig } from '../../src/config/admin-schema.ts'
import type { RouteConfig } from '../../src/config/schema.ts'
import { Secrets } from '../../src/config/secrets.ts'
import type { Gateway } from '../../src/engine/gateway.ts'
import { Lab, type LabOptions, route } from '../engine/lab.ts'

export const TOKEN = 'the-token-of-the-operators'
export const READ_TOKEN = 'the-token-of-the-watchers'

export interface ApiLabOptions extends LabOptions {
  readonly routes?: readonly RouteConfig[]
  readonly admin?: Partial<Exclude<AdminConfig, false>>
  readonly reloading?: Reloading
  readonly logLevel?: LogLevelControl
}

export interface CallOptions {
  readonly token?: string | undefined
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

export interface Answer {
  readonly status: number
  // biome-ignore lint/suspicious/noExplicitAny: an answer is what its schema says, which every call checks.
  readonly json: any
  readonly headers: Headers
}

interface Operation {
  readonly operationId: string
  readonly security: readonly object[]
  readonly summary: string
  readonly parameters: readonly { readonly name: string; readonly in: string }[]
  readonly responses: Readonly<Record<string, { content: Readonly<Record<string, { schema: object }>> }>>
}

interface Described {
  readonly openapi: string
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
}

/** A gateway between memory brokers with its admin API. Every answer is held to the API's own description. */
export class ApiLab {
  readonly lab: Lab
  readonly gateway: Gateway
  readonly url: string
  #description: Described | undefined
  readonly #ajv = new Ajv({ strict: false })
  readonly #compiled = new Map<object, ValidateFunction>()
  readonly #open: (port: number) => Promise<AdminServer>
  #server: AdminServer

  private constructor(lab: Lab, gateway: Gateway, server: AdminServer, open: (port: number) => Promise<AdminServer>) {
    this.lab = lab
    this.gateway = gateway
    this.url = server.url
    this.#server = server
    this.#open = open
  }

  /** Listens again at the address that was closed. */
  async reopen(): Promise<void> {
    this.#server = await this.#open(Number(new URL(this.url).port))
  }

  close(): Promise<void> {
    return this.#server[Symbol.asyncDispose]()
  }

  static async open(options: ApiLabOptions = {}): Promise<ApiLab> {
    const { routes = [route()], admin, reloading, logLevel, ...rest } = options
    const lab = new Lab(rest)
    const { gateway } = lab.start(routes)
    const secrets = new Secrets()
    const config = { host: '127.0.0.1', port: 0, token: TOKEN, readToken: READ_TOKEN, ...admin }
    secrets.add(config.token)
    secrets.add(config.readToken)
    const parts = { gateway, version: '1.2.3', reloading, logLevel, redact: (text: string) => secrets.redact(text) }
    const listen = (port: number) => AdminServer.listen({ ...config, port }, gateway, lab.log, parts)
    const api = new ApiLab(lab, gateway, await listen(0), listen)
    onTestFinished(async () => {
      await api.close()
      await gateway.stop(0)
    })
    return api
  }

  get(path: string, options?: CallOptions): Promise<Answer> {
    return this.call('GET', path, options)
  }

  post(path: string, body?: unknown, options?: CallOptions): Promise<Answer> {
    return this.call('POST', path, { body, ...options })
  }

  /** With the operators' token unless another, or `undefined`, is given. */
  async call(method: string, path: string, options: CallOptions = {}): Promise<Answer> {
    const { body, headers } = options
    const token = 'token' in options ? options.token : TOKEN
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: { ...(token !== undefined && { authorization: `Bearer ${token}` }), ...headers },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const json: unknown = await response.json()
    await this.#conforms(method, path, response, json)
    return { status: response.status, json, headers: response.headers }
  }

  async description(): Promise<Described> {
    this.#description ??= (await (await fetch(`${this.url}/api/openapi.json`)).json()) as Described
    return this.#description
  }

  /** Throws when the answer is not as the API describes itself. */
  async #conforms(method: string, path: string, response: Response, json: unknown): Promise<void> {
    const type = response.headers.get('content-type')!.split(';')[0]!
    const { paths, ...rest } = await this.description()
    const found = Object.entries(paths).find(([pattern]) => matches(pattern, path.split('?')[0]!))?.[1][
      method.toLowerCase()
    ]
    if (found === undefined) return
    const answer = found.responses[response.ok ? '200' : 'default']!.content[type]
    expect(answer, `${method} ${path} answers ${type}`).toBeDefined()
    let validate = this.#compiled.get(answer!.schema)
    if (validate === undefined) {
      validate = this.#ajv.compile({ ...answer!.schema, components: (rest as { components?: object }).components })
      this.#compiled.set(answer!.schema, validate)
    }
    expect(validate(json), `${method} ${path}: ${JSON.stringify(validate.errors)}`).toBe(true)
  }

  /** The events of a stream as they come, until the test ends. */
  async *events(path: string, token: string | undefined = TOKEN): AsyncGenerator<{ event: string; data: unknown }> {
    const abort = new AbortController()
    onTestFinished(() => abort.abort())
    const headers = token === undefined ? undefined : { authorization: `Bearer ${token}` }
    const response = await fetch(`${this.url}${path}`, { signal: abort.signal, ...(headers && { headers }) })
    if (!response.ok) throw new Error(await response.text())
    let text = ''
    try {
      for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
        text += chunk
        const blocks = text.split('\n\n')
        text = blocks.pop()!
        for (const block of blocks) {
          const [, event, data] = /^event: (\w+)\ndata: (.*)$/.exec(block) ?? []
          if (event === undefined) continue
          const value: unknown = JSON.parse(data!)
          await this.#conforms('GET', path, response, value)
          yield { event, data: value }
        }
      }
    } finally {
      abort.abort()
    }
  }
}

function matches(pattern: string, path: string): boolean {
  const [want, have] = [pattern.split('/'), path.split('/')]
  return want.length === have.length && want.every((part, i) => part.startsWith('{') || part === have[i])
}
