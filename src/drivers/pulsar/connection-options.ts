import { type Static, Type } from 'typebox'
import { Closed, Duration, SECRET } from '../../core/schema.ts'

const Pem = (what: string, example: string) =>
  Type.Optional(
    Type.String({
      minLength: 1,
      description: `${what}: PEM text, or the path of a PEM file from the configuration file.`,
      examples: [example],
    }),
  )

const TlsOptions = Closed(
  {
    ca: Pem('Authority that signed the brokers’ certificates; default: the authorities Node.js trusts', 'certs/ca.crt'),
    cert: Pem('Client certificate, for mutual TLS', 'certs/client.crt'),
    key: Type.Optional(
      Type.String({
        minLength: 1,
        [SECRET]: true,
        description: 'Key of the client certificate: PEM text, or the path of a PEM file from the configuration file.',
        examples: ['certs/client.key'],
      }),
    ),
    passphrase: Type.Optional(
      Type.String({
        [SECRET]: true,
        description: 'Opens an encrypted `key`. Over `wss` only.',
        examples: ['${env.KEY_PASSPHRASE}'],
      }),
    ),
    servername: Type.Optional(
      Type.String({
        minLength: 1,
        description: 'Name that must be in the broker’s certificate; default: the host of the url. Over `wss` only.',
        examples: ['pulsar.internal'],
      }),
    ),
    rejectUnauthorized: Type.Optional(
      Type.Boolean({ default: true, description: '`false` accepts any certificate: for experiments only.' }),
    ),
  },
  { description: 'TLS settings of a `wss://` or `pulsar+ssl://` connection.' },
)

export const ConnectionOptions = Closed({
  url: Type.String({
    pattern: '^(wss?|pulsar(\\+ssl)?)://[^/]+',
    [SECRET]: true,
    description:
      'Where Pulsar is. `ws://` and `wss://` use the broker’s WebSocket API (its HTTP port, 8080 or 8443 by default; the broker needs `webSocketServiceEnabled`, or a WebSocket proxy stands there). `pulsar://` and `pulsar+ssl://` use the native client (port 6650 or 6651; needs the npm package `pulsar-client`). Several hosts are tried in turn.',
    examples: ['ws://localhost:8080', 'wss://pulsar-1:8443,pulsar-2:8443', 'pulsar://localhost:6650'],
  }),
  namespace: Type.Optional(
    Type.String({
      pattern: '^[-=:.\\w]+/[-=:.\\w]+$',
      default: 'public/default',
      description: 'Tenant and namespace of topics that are given by their last name only.',
      examples: ['shop/orders'],
    }),
  ),
  token: Type.Optional(
    Type.String({
      minLength: 1,
      [SECRET]: true,
      description: 'Token (JWT) that says who we are.',
      examples: ['${env.PULSAR_TOKEN}', "${file('/run/secrets/pulsar-token')}"],
    }),
  ),
  tls: Type.Optional(TlsOptions),
  admin: Type.Optional(
    Type.String({
      pattern: '^https?://[^/]+',
      description:
        'Address of the admin API. With it a route tells its lag and can create partitioned topics; nothing else needs it. The token and the TLS settings are used for it too.',
      examples: ['http://localhost:8080'],
    }),
  ),
  connectTimeout: Type.Optional(
    Duration({ default: '10s', description: 'Longest wait for a connection to open, TLS and login included.' }),
  ),
  heartbeat: Type.Optional(
    Duration({
      default: '10s',
      description:
        'How often a WebSocket is asked for a sign of life; without one until the next time it counts as lost. At least 1 s. The native client has its own.',
    }),
  ),
})

export type ConnectionOptions = Static<typeof ConnectionOptions>
export type TlsOptions = Static<typeof TlsOptions>
