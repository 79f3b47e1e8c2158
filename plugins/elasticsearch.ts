import type { Client } from '@elastic/elasticsearch'
import {
  type Connection,
  compileTemplate,
  type Driver,
  definePlugin,
  describe,
  type OptionProblem,
  SluiceError,
} from 'sluice'
import { clientOptions, parseUrl } from './elasticsearch/address.ts'
import { indexName } from './elasticsearch/document.ts'
import { clientError, statusOf } from './elasticsearch/errors.ts'
import { ConnectionOptions, SinkOptions, SourceOptions } from './elasticsearch/options.ts'
import { ElasticsearchSink } from './elasticsearch/sink.ts'

/** The default of `http.max_content_length`, less the line that says what to do with the document. */
const MAX_BYTES = 100 * 2 ** 20 - 1_024

const driver: Driver = {
  name: 'elasticsearch',
  schemes: ['elasticsearch', 'elasticsearchs'],
  features: {
    redelivery: 'each',
    // In one bulk request the documents behind a refused one are stored all the same.
    orderedBatch: false,
    groups: false,
    headers: false,
    keys: false,
    tombstones: false,
    countsAttempts: false,
    durable: true,
    maxBytes: MAX_BYTES,
    // What has to keep its order are the writes of one document.
    keyOption: 'id',
  },
  schema: { connection: ConnectionOptions, source: SourceOptions, sink: SinkOptions },
  connect(options, { baseDir }): Connection {
    // No I/O here: the client is made when it is first needed, from a package that need not be installed before.
    let opening: Promise<Client> | undefined
    const client = () => {
      opening ??= open(options as ConnectionOptions, baseDir).catch(error => {
        opening = undefined
        throw error
      })
      return opening
    }
    return {
      check: async signal => probe(await client(), signal),
      sink: async endpoint => new ElasticsearchSink(await client(), endpoint as SinkOptions),
      source: async () => {
        throw new SluiceError('NOT_SUPPORTED', READ_NOTHING)
      },
      async [Symbol.asyncDispose]() {
        await (await opening?.catch(() => undefined))?.close()
      },
    }
  },
  check(part, options) {
    if (part === 'source') return [{ path: [], message: READ_NOTHING }]
    return part === 'sink' ? checkSink(options as SinkOptions) : checkConnection(options as ConnectionOptions)
  },
}

const READ_NOTHING = 'Elasticsearch can be written to only'

async function open(options: ConnectionOptions, baseDir: string): Promise<Client> {
  const { Client } = await import('@elastic/elasticsearch').catch(error => {
    throw new SluiceError('NOT_SUPPORTED', 'the package @elastic/elasticsearch is not installed', {
      cause: error,
      hint: 'Run `npm install @elastic/elasticsearch@9` beside the plug-in, in the major version of the cluster.',
    })
  })
  return new Client(clientOptions(options, baseDir))
}

async function probe(client: Client, signal: AbortSignal): Promise<void> {
  try {
    await client.info({}, { signal })
  } catch (error) {
    // Who may only write may not ask this, but was let in.
    if (statusOf(error) !== 403) throw clientError(error, 'asking the cluster')
  }
}

function checkConnection(options: ConnectionOptions): readonly OptionProblem[] {
  try {
    const { user } = parseUrl(options.url)
    if (user === undefined || options.apiKey === undefined) return []
    return [{ path: ['apiKey'], message: 'there is a user in the url, too: one of them is enough' }]
  } catch (error) {
    return [{ path: ['url'], message: describe(error) }]
  }
}

/** What the schema cannot say: fixed values that no document could be written with. */
function checkSink({ index, action = 'index', id, version }: SinkOptions): readonly OptionProblem[] {
  const problems: OptionProblem[] = []
  const say = (path: string, message: string) => problems.push({ path: [path], message })
  const name = constant(index)
  try {
    if (name !== undefined) indexName(name)
  } catch (error) {
    say('index', describe(error))
  }
  const fixed = constant(action)
  if (fixed !== undefined && !['index', 'create', 'delete'].includes(fixed))
    say('action', `"${fixed}" is none of index, create and delete`)
  if (fixed === 'delete' && id === undefined) say('action', '`delete` needs the `id` of the document')
  if (fixed === 'create' && version !== undefined) say('version', '`create` takes no version')
  return problems
}

// Broken templates are reported elsewhere.
function constant(template: unknown): string | undefined {
  try {
    const value = compileTemplate(String(template)).constant
    return value === undefined ? undefined : String(value)
  } catch {
    return undefined
  }
}

export default definePlugin({ name: 'elasticsearch', drivers: [driver] })
