// Large, and otherwise read on the time of the first test.
import { quiet } from '../../src/core/quiet-log.ts'
import '@elastic/elasticsearch'
import type { SluiceError } from '../../src/core/errors.ts'
import type { Message } from '../../src/core/message.ts'
import type { Connection, Sink } from '../../src/core/ports.ts'
import { withDefaults } from '../conformance/validation.ts'
import { message } from '../core/sample.ts'
import { ElasticsearchServer, type ServerOptions } from './elasticsearch-server.ts'
import { elasticsearch } from './elasticsearch-testbed.ts'

/** A stand-in, and sinks of the plug-in that write to it. */
export class ElasticsearchLab implements AsyncDisposable {
  readonly server: ElasticsearchServer
  readonly #open: AsyncDisposable[] = []

  private constructor(server: ElasticsearchServer) {
    this.server = server
  }

  static async start(options: ServerOptions = {}): Promise<ElasticsearchLab> {
    return new ElasticsearchLab(await ElasticsearchServer.start(options))
  }

  connect(options: object = {}): Connection {
    const checked = withDefaults(elasticsearch.schema.connection, { url: this.server.url, ...options })
    const connection = elasticsearch.connect(checked, { name: 'search', log: quiet, baseDir: import.meta.dirname })
    this.#open.push(connection)
    return connection
  }

  /** Writes to `orders`, ids from `body.id`, unless told otherwise. */
  async sink(options: object = {}, connection = this.connect()): Promise<Sink> {
    const checked = withDefaults(elasticsearch.schema.sink, { index: 'orders', id: '${body.id}', ...options })
    const context = { route: 'orders', inFlight: 1_000, inFlightBytes: 2 ** 28, log: quiet, status: () => {} }
    const sink = await connection.sink(checked, context, new AbortController().signal)
    this.#open.push(sink)
    return sink
  }

  /** What is stored in `orders`, by id. */
  get stored(): Readonly<Record<string, unknown>> {
    return Object.fromEntries((this.server.index('orders')?.all ?? []).map(({ id, source }) => [id, source]))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const one of this.#open.reverse()) await one[Symbol.asyncDispose]()
    await this.server[Symbol.asyncDispose]()
  }
}

/** Orders o-0, o-1, … with more fields. */
export function orders(count: number, more: object = {}): Message[] {
  return Array.from({ length: count }, (_, n) => message({ id: `m-${n}`, body: { id: `o-${n}`, ...more } }))
}

export function publish(sink: Sink, messages: readonly Message[]): Promise<readonly (SluiceError | null)[]> {
  return sink.publish(messages, new AbortController().signal)
}

/** `code fate scope` of a result; `ok`. */
export const verdict = (result: SluiceError | null | undefined): string =>
  result ? `${result.code} ${result.fate} ${result.scope}` : 'ok'
