import { type Static, Type } from 'typebox'
import { Closed, Duration, SECRET } from '../../core/schema.ts'

const tls = Closed(
  {
    ca: Type.Optional(
      Type.String({
        minLength: 1,
        description:
          'Authority that signed the servers’ certificates: PEM text, or a file beside the configuration. Default: the authorities Node.js trusts.',
        examples: ['certs/ca.crt'],
      }),
    ),
    cert: Type.Optional(
      Type.String({
        minLength: 1,
        description: 'Client certificate, for mutual TLS: PEM text, or a file beside the configuration.',
        examples: ['certs/client.crt'],
      }),
    ),
    key: Type.Optional(
      Type.String({
        minLength: 1,
        description: 'Private key of the client certificate: PEM text, or a file beside the configuration.',
        examples: ['certs/client.key'],
        [SECRET]: true,
      }),
    ),
    passphrase: Type.Optional(Type.String({ description: 'Opens an encrypted `key`.', [SECRET]: true })),
    servername: Type.Optional(
      Type.String({
        minLength: 1,
        description: 'Name that must be in the servers’ certificates. Default: the host each is reached by.',
        examples: ['nats.internal'],
      }),
    ),
    rejectUnauthorized: Type.Optional(
      Type.Boolean({ default: true, description: '`false` accepts any certificate: for experiments only.' }),
    ),
    handshakeFirst: Type.Optional(
      Type.Boolean({
        default: false,
        description: 'true: the TLS handshake comes before anything else, as `handshake_first` of the server wants it.',
      }),
    ),
  },
  { description: 'TLS settings. Giving them, even empty, demands TLS; so do `tls://` and `natss://`.' },
)

const Secret = (description: string, example: string) =>
  Type.Optional(Type.String({ minLength: 1, description, examples: [example], [SECRET]: true }))

export const connectionSchema = Closed(
  {
    url: Type.String({
      pattern: '^(nats|natss|tls)://.+',
      [SECRET]: true,
      description:
        'One or more servers, tried in turn, with user and password, or a token, where needed: nats://user:password@host:port,host:port. `tls` and `natss` demand TLS. The port defaults to 4222.',
      examples: ['nats://localhost:4222', 'tls://sluice:${env.NATS_PASSWORD}@nats-1,nats-2,nats-3'],
    }),
    username: Type.Optional(Type.String({ minLength: 1, description: 'User, instead of the one in the url.' })),
    password: Secret('Password, instead of the one in the url.', '${env.NATS_PASSWORD}'),
    token: Secret('Token, instead of the one in the url (nats://token@host).', '${env.NATS_TOKEN}'),
    nkey: Secret(
      'Seed of a user nkey (`SU…`), or a file that holds it, beside the configuration. Read at each connect.',
      'secrets/sluice.nk',
    ),
    creds: Secret(
      'Credentials file of a user (JWT and seed) beside the configuration, or its text. Read at each connect, so a renewed file needs no restart.',
      'secrets/sluice.creds',
    ),
    tls: Type.Optional(tls),
    name: Type.Optional(
      Type.String({
        minLength: 1,
        description: 'Name shown in the server’s monitoring. Default: `sluice/` and the name of the connection.',
        examples: ['sluice-blue'],
      }),
    ),
    monitoring: Type.Optional(
      Type.Array(Type.String({ pattern: '^https?://[^/]+', [SECRET]: true }), {
        minItems: 1,
        maxItems: 100,
        description:
          'Addresses of the servers’ monitoring, one for each server: with them `sluice doctor` sees when JetStream writes to the disk (`sync_interval`); nothing else uses them. The TLS settings of the connection are used for them too.',
        examples: [['http://nats-1:8222', 'http://nats-2:8222', 'http://nats-3:8222']],
      }),
    ),
    domain: Type.Optional(
      Type.String({
        pattern: '^[^\\s.*>]+$',
        description: 'JetStream domain. Default: that of the account.',
        examples: ['hub'],
      }),
    ),
    inboxPrefix: Type.Optional(
      Type.String({
        pattern: '^[^\\s.*>]+(\\.[^\\s.*>]+)*$',
        default: '_INBOX',
        description: 'First tokens of the subjects for answers, where the user may not subscribe to `_INBOX.>`.',
        examples: ['_INBOX_sluice'],
      }),
    ),
    connectTimeout: Type.Optional(
      Duration({ default: '10s', description: 'Longest wait for one server to accept, TLS and login included.' }),
    ),
    requestTimeout: Type.Optional(
      Duration({
        default: '10s',
        description: 'Longest wait for an answer of JetStream, and for the confirmation of what was published.',
      }),
    ),
    pingInterval: Type.Optional(
      Duration({
        default: '10s',
        description:
          'How often a silent server is asked for a sign of life; it counts as lost after two unanswered ones.',
      }),
    ),
  },
  { description: 'A NATS server or cluster: core NATS and JetStream.' },
)

export type ConnectionOptions = Static<typeof connectionSchema>
export type TlsOptions = Static<typeof tls>
