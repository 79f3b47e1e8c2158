import { Closed, Duration, SECRET, Size, type Static, Template, TemplateTree, Type } from 'sluice'

const TlsOptions = Closed(
  {
    ca: Type.Optional(
      Type.String({
        minLength: 1,
        description:
          'Authority that signed the nodes’ certificates: PEM text, or the path of a PEM file from the configuration file. Default: the authorities Node.js trusts.',
        examples: ['certs/http_ca.crt'],
      }),
    ),
    rejectUnauthorized: Type.Optional(
      Type.Boolean({ default: true, description: '`false` accepts any certificate: for experiments only.' }),
    ),
  },
  { description: 'TLS settings, for `elasticsearchs://`.' },
)

export const ConnectionOptions = Closed({
  url: Type.String({
    pattern: '^elasticsearchs?://.+',
    [SECRET]: true,
    description:
      'One or more nodes, with user and password where needed; `elasticsearchs` is HTTPS. The port defaults to 9200. A node that does not answer is left out until it does. Percent-encode special characters of the password.',
    examples: ['elasticsearch://localhost:9200', 'elasticsearchs://sluice:${env.ELASTIC_PASSWORD}@es-1:9200,es-2:9200'],
  }),
  apiKey: Type.Optional(
    Type.String({
      minLength: 1,
      [SECRET]: true,
      description: 'API key, as Elasticsearch gives it out (`encoded`); instead of user and password.',
      examples: ['${env.ELASTIC_API_KEY}'],
    }),
  ),
  tls: Type.Optional(TlsOptions),
  timeout: Type.Optional(
    Duration({
      default: '30s',
      description: 'Longest wait for the answer to a request. What was in it is sent again, for it may have arrived.',
    }),
  ),
})

const BulkOptions = Closed(
  {
    count: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 10_000, default: 100, description: 'Most documents of a bulk request.' }),
    ),
    bytes: Type.Optional(
      Size({ default: '10MiB', description: 'Most bytes of a bulk request; one larger document still goes, alone.' }),
    ),
    every: Type.Optional(
      Duration({
        default: '1s',
        description: 'A bulk request that is not full leaves this long after its first document came; `0`: at once.',
      }),
    ),
    pause: Type.Optional(
      Duration({
        default: '10ms',
        description:
          'It also leaves when nothing has come for this long: messages that wait for one another, as those of one id do, are not held up.',
      }),
    ),
  },
  { description: 'How documents are gathered. Bulk requests of a route go one after the other.' },
)

export const SinkOptions = Closed({
  index: Template({
    description: 'Index, alias or data stream to write to.',
    examples: ['orders', 'orders-${headers.region}'],
  }),
  id: Type.Optional(
    Template({
      description:
        'Id of the document, 1–512 bytes: what is delivered twice is then stored once, and messages of one id keep their order. Default: the id of the message, which is a new one for each delivery where the source has none.',
      examples: ['${body.order_id}'],
    }),
  ),
  action: Type.Optional(
    Template({
      default: 'index',
      description:
        '`index` writes the document, over an older one; `create` leaves an older one as it is, and is what a data stream wants; `delete` removes it. A null body deletes the document of its `id`.',
      examples: ['create', '${headers.op == "d" ? "delete" : "index"}'],
    }),
  ),
  document: Type.Optional(
    TemplateTree({
      description: 'The document. Default: the body as it is, which must be a JSON object.',
      examples: [{ order: '${body}', received: '${timestamp}' }],
    }),
  ),
  version: Type.Optional(
    Template({
      description:
        'A whole number that grows with each change of a document: Elasticsearch then keeps the newest, whatever arrives last. Default: what arrives last stays.',
      examples: ['${body.revision}'],
    }),
  ),
  routing: Type.Optional(
    Template({ description: 'Chooses the shard. Default: the id does.', examples: ['${headers.customer}'] }),
  ),
  pipeline: Type.Optional(
    Type.String({ minLength: 1, description: 'Ingest pipeline that every document goes through.', examples: ['geo'] }),
  ),
  refresh: Type.Optional(
    Type.Boolean({
      default: false,
      description: '`true`: a message is done when searches find its document, which takes about a second.',
    }),
  ),
  maxDocumentBytes: Type.Optional(
    Size({
      default: '100MiB',
      description: 'Larger documents are refused unsent. At most the cluster’s `http.max_content_length`.',
      examples: ['10MiB'],
    }),
  ),
  bulk: Type.Optional(BulkOptions),
})

/** There is nothing to read. See `check` of the driver. */
export const SourceOptions = Closed({})

export type ConnectionOptions = Static<typeof ConnectionOptions>
export type SinkOptions = Static<typeof SinkOptions>
