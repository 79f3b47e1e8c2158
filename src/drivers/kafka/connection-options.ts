import { type Static, Type } from 'typebox'
import { Closed, Duration, SECRET } from '../../core/schema.ts'

const Pem = (what: string) =>
  Type.Optional(
    Type.String({
      minLength: 1,
      description: `${what}: PEM text, or the path of a PEM file from the configuration file.`,
      examples: ['certs/ca.crt'],
    }),
  )

export const TlsOptions = Closed(
  {
    ca: Pem('Authority that signed the brokers’ certificates; default: the authorities Node.js trusts'),
    cert: Pem('Client certificate, for mutual TLS'),
    key: Type.Optional(
      Type.String({
        minLength: 1,
        [SECRET]: true,
        description: 'Key of the client certificate: PEM text, or the path of a PEM file from the configuration file.',
        examples: ['certs/client.key'],
      }),
    ),
    passphrase: Type.Optional(Type.String({ [SECRET]: true, description: 'Opens an encrypted `key`.' })),
    servername: Type.Optional(
      Type.String({
        minLength: 1,
        description: 'Name that must be in the brokers’ certificates; default: the host each is reached by.',
        examples: ['kafka.internal'],
      }),
    ),
    rejectUnauthorized: Type.Optional(
      Type.Boolean({ default: true, description: '`false` accepts any certificate: for experiments only.' }),
    ),
  },
  { description: 'TLS settings. Giving them, even empty, switches TLS on; so does `kafkas://`.' },
)

export const SaslOptions = Closed(
  {
    mechanism: Type.Optional(
      Type.Union([Type.Literal('plain'), Type.Literal('scram-sha-256'), Type.Literal('scram-sha-512')], {
        default: 'plain',
        description: 'How to log in.',
      }),
    ),
    username: Type.Optional(Type.String({ minLength: 1, description: 'Default: the user in the url.' })),
    password: Type.Optional(Type.String({ [SECRET]: true, description: 'Default: the password in the url.' })),
  },
  { description: 'SASL login. A user in the url alone means `plain`.' },
)

export const ConnectionOptions = Closed({
  url: Type.String({
    pattern: '^kafkas?://.+',
    [SECRET]: true,
    description:
      'One or more brokers to ask first, with user and password where needed; `kafkas` is Kafka over TLS. The port defaults to 9092. Percent-encode special characters of the password.',
    examples: ['kafka://localhost:9092', 'kafkas://user:${env.KAFKA_PASSWORD}@kafka-1:9093,kafka-2:9093'],
  }),
  clientId: Type.Optional(
    Type.String({
      pattern: '^[A-Za-z0-9._-]{1,200}$',
      description: 'Name shown in the brokers’ logs, quotas and metrics; default `sluice-` and the connection’s name.',
      examples: ['sluice-shop'],
    }),
  ),
  sasl: Type.Optional(SaslOptions),
  tls: Type.Optional(TlsOptions),
  connectTimeout: Type.Optional(
    Duration({ default: '10s', description: 'Longest wait for a connection to open, TLS and login included.' }),
  ),
  requestTimeout: Type.Optional(
    Duration({
      default: '30s',
      description: 'Longest wait for the answer to a request; the connection is then renewed.',
    }),
  ),
})

export type ConnectionOptions = Static<typeof ConnectionOptions>
export type TlsOptions = Static<typeof TlsOptions>
