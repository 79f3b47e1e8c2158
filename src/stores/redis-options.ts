import { type Static, Type } from 'typebox'
import { Closed, Duration, SECRET } from '../core/schema.ts'

const tls = Closed(
  {
    ca: Type.Optional(
      Type.String({
        description:
          'Certificate authorities to trust instead of those of Node.js: PEM text, or a file beside the configuration.',
        examples: ['certs/ca.crt'],
      }),
    ),
    cert: Type.Optional(
      Type.String({ description: 'Client certificate: PEM text, or a file.', examples: ['certs/client.crt'] }),
    ),
    key: Type.Optional(
      Type.String({
        description: 'Private key of the client certificate: PEM text, or a file.',
        examples: ['certs/client.key'],
        [SECRET]: true,
      }),
    ),
  },
  { description: 'TLS settings of a rediss:// url.' },
)

export const redisSchema = Closed(
  {
    url: Type.String({
      description:
        'Where Redis or Valkey is: redis[s]://user:password@host:port/database; `rediss` is TLS. `${env.NAME}` and `${file(…)}` are read once, at load.',
      pattern: '^rediss?://',
      examples: ['redis://sluice:${env.REDIS_PASSWORD}@redis:6379/0', 'rediss://redis.example.com'],
      [SECRET]: true,
    }),
    prefix: Type.Optional(
      Type.String({
        description: 'Begins the names of all keys in Redis; gateways share what has the same prefix and route.',
        default: 'sluice:',
        maxLength: 200,
        examples: ['sluice:eu:'],
      }),
    ),
    lease: Type.Optional(
      Duration({
        description:
          'How long the claims of a gateway that has stopped answering hold, 1s–10m. Until then other gateways hold back what it was working on; after that they do it, perhaps once more.',
        default: '10s',
        examples: ['10s', '30s'],
      }),
    ),
    timeout: Type.Optional(
      Duration({
        description: 'Longest wait for a connection and for an answer, 100ms–1m; then the route holds and tries anew.',
        default: '3s',
        examples: ['3s'],
      }),
    ),
    tls: Type.Optional(tls),
  },
  { description: 'Keys in Redis 6 or later, or Valkey, shared by all gateways of a route. About 150 bytes a key.' },
)

export type RedisOptions = Static<typeof redisSchema>
