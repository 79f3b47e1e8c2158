import { type Static, Type } from 'typebox'
import { Closed, Duration, SECRET } from '../../core/schema.ts'

const tls = Closed(
  {
    ca: Type.Optional(
      Type.String({
        description: 'Certificate authority that signed the broker: PEM text, or a file beside the configuration.',
        examples: ['certs/ca.crt'],
      }),
    ),
    cert: Type.Optional(
      Type.String({
        description: 'Client certificate: PEM text, or a file beside the configuration.',
        examples: ['certs/client.crt'],
      }),
    ),
    key: Type.Optional(
      Type.String({
        description: 'Private key of the client certificate: PEM text, or a file beside the configuration.',
        examples: ['certs/client.key'],
        [SECRET]: true,
      }),
    ),
    passphrase: Type.Optional(
      Type.String({
        description: 'Passphrase of the private key.',
        examples: ['${env.KEY_PASSPHRASE}'],
        [SECRET]: true,
      }),
    ),
    servername: Type.Optional(
      Type.String({
        description: 'Name the certificate of the broker is checked against, if not the host of the url.',
        examples: ['rabbit.example.com'],
      }),
    ),
    rejectUnauthorized: Type.Optional(
      Type.Boolean({
        description:
          'false accepts any certificate. For experiments only: it lets anybody read and change the traffic.',
        default: true,
        examples: [true],
      }),
    ),
  },
  { description: 'TLS settings of an amqps:// connection.' },
)

export const connectionSchema = Closed(
  {
    url: Type.String({
      description: 'Where RabbitMQ is: amqp[s]://user:password@host:port/vhost. No path means the vhost "/".',
      pattern: '^amqps?://',
      examples: ['amqp://guest:${env.RABBITMQ_PASSWORD}@localhost:5672', 'amqps://rabbit.example.com/shop'],
      [SECRET]: true,
    }),
    hosts: Type.Optional(
      Type.Array(Type.String({ pattern: '^[^\\s/@]+$' }), {
        description: 'Further nodes of the same cluster as host or host:port, tried in turn when one does not answer.',
        examples: [['rabbit-2:5672', 'rabbit-3:5672']],
      }),
    ),
    vhost: Type.Optional(
      Type.String({ description: 'Virtual host, instead of the path of the url.', examples: ['/', 'shop'] }),
    ),
    username: Type.Optional(Type.String({ description: 'User, instead of the one in the url.', examples: ['sluice'] })),
    password: Type.Optional(
      Type.String({
        description: 'Password, instead of the one in the url.',
        examples: ['${env.RABBITMQ_PASSWORD}'],
        [SECRET]: true,
      }),
    ),
    auth: Type.Optional(
      Type.Union([Type.Literal('plain'), Type.Literal('external')], {
        description: '`external`: the broker takes the user from the client certificate (rabbitmq_auth_mechanism_ssl).',
        default: 'plain',
        examples: ['external'],
      }),
    ),
    tls: Type.Optional(tls),
    management: Type.Optional(
      Type.String({
        pattern: '^https?://[^/]+',
        description:
          'Address of the management API: with it `sluice doctor` sees policies and arguments of queues; nothing else uses it. User, password and TLS settings of the connection are used for it too, unless the url names others (http://user:password@host:port). The user needs the tag `management`.',
        examples: ['http://localhost:15672'],
        [SECRET]: true,
      }),
    ),
    heartbeat: Type.Optional(
      Duration({
        description:
          'Heartbeat asked of the broker, whole seconds; the connection counts as lost after two missed ones. 0 = none.',
        default: '10s',
        examples: ['10s', '30s'],
      }),
    ),
    connectTimeout: Type.Optional(
      Duration({
        description: 'Longest wait for one host to accept and finish the handshake.',
        default: '10s',
        examples: ['10s'],
      }),
    ),
    connectionName: Type.Optional(
      Type.String({
        description: "Name shown in RabbitMQ's management UI. Default: `sluice/` and the name of the connection.",
        examples: ['sluice-blue'],
      }),
    ),
  },
  { description: 'A RabbitMQ broker or cluster.' },
)

export type ConnectionOptions = Static<typeof connectionSchema>
export type TlsOptions = Static<typeof tls>
