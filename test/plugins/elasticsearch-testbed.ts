import plugin from '../../plugins/elasticsearch.ts'
import { Headers } from '../../src/core/headers.ts'
import { Message } from '../../src/core/message.ts'
import type { Connection, Driver } from '../../src/core/ports.ts'
import type { TestAddress, Testbed } from '../../src/core/testbed.ts'
import { Closed, Type } from '../../src/index.ts'
import { DocumentSource, type Hit, ReaderGroup } from './elasticsearch-reader.ts'
import { ElasticsearchServer } from './elasticsearch-server.ts'

export const elasticsearch = plugin.drivers![0]!

/** Largest body the suite is run with; as base64 it takes a third more. */
const MAX_BYTES = 256 * 1024
const MAX_DOCUMENT = Math.floor((MAX_BYTES * 4) / 3) + 4

export interface ElasticsearchTestbed extends Testbed, AsyncDisposable {
  /** The plug-in's driver with a source beside its sink. */
  readonly driver: Driver
}

/**
 * For the conformance suite, which reads back what it has written: the plug-in's own sink, and a source over the stand-in
 * that hands out documents in the order of their writes. A message travels in an envelope, as any bytes have to.
 */
export async function elasticsearchTestbed(): Promise<ElasticsearchTestbed> {
  const server = await ElasticsearchServer.start({ login: 'sluice:open sesame' })
  const groups = new Map<string, ReaderGroup>()
  const url = (password: string) => `elasticsearch://sluice:${encodeURIComponent(password)}@localhost:${server.port}`
  const driver: Driver = {
    ...elasticsearch,
    features: { ...elasticsearch.features, maxBytes: MAX_BYTES },
    schema: { ...elasticsearch.schema, source: Closed({ index: Type.String(), group: Type.String() }) },
    connect(options, context): Connection {
      const own = elasticsearch.connect(options, context)
      return {
        check: signal => own.check(signal),
        async sink(...endpoint) {
          const sink = await own.sink(...endpoint)
          return {
            publish: (messages, signal) => sink.publish(messages.map(envelope), signal),
            [Symbol.asyncDispose]: () => sink[Symbol.asyncDispose](),
          }
        },
        async source(endpoint, { inFlight }) {
          const { index, group } = endpoint as { readonly index: string; readonly group: string }
          const { url } = options as { readonly url: string }
          const name = `${url} ${index} ${group}`
          const readers = groups.get(name) ?? new ReaderGroup(url, index)
          groups.set(name, readers)
          return new DocumentSource(readers, inFlight, (hit, attempt) => unpacked(hit, attempt, context.name, index))
        },
        [Symbol.asyncDispose]: () => own[Symbol.asyncDispose](),
      }
    },
  }
  let made = 0
  const sink = (index: string) => ({ index, action: 'create', maxDocumentBytes: `${MAX_DOCUMENT}B` })
  return {
    driver,
    label: 'elasticsearch, the plug-in, on a stand-in',
    available: async () => true,
    connection: () => ({ url: url('open sesame') }),
    unreachable: () => ({ url: 'elasticsearch://localhost:1' }),
    unauthorized: () => ({ url: url('wrong') }),
    missing: () => ({ sink: sink('missing'), source: { index: 'missing', group: 'one' } }),
    async create(): Promise<TestAddress> {
      const name = `test-${++made}`
      server.index(name)
      return { name, sink: sink(name), source: group => ({ index: name, group }) }
    },
    async drop({ name }) {
      server.indices.delete(name)
    },
    async restart() {
      await server.down()
      await server.up()
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}

function envelope(message: Message): Message {
  const { bytes, contentType } = message
  return message.with({ bytes: Buffer.from(JSON.stringify({ body: bytes!.toString('base64'), contentType })) })
}

function unpacked({ _id, _source, sort }: Hit, attempt: number, connection: string, address: string): Message {
  const { body, contentType } = _source as { readonly body: string; readonly contentType?: string }
  return new Message({
    id: _id,
    key: null,
    subject: address,
    headers: Headers.EMPTY,
    bytes: Buffer.from(body, 'base64'),
    timestamp: Date.now(),
    properties: { ...(contentType === undefined ? {} : { contentType }) },
    source: { connection, address, sequence: address, position: String(sort[0]), identity: _id, attempt },
  })
}
