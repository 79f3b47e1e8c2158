import { type Static, Type } from 'typebox'
import { Closed, SECRET } from '../core/schema.ts'

const Token = (description: string) =>
  Type.Optional(
    Type.String({
      minLength: 16,
      maxLength: 4_096,
      pattern: '^[\\x21-\\x7e]+$',
      description,
      examples: ['${env.SLUICE_ADMIN_TOKEN}', "${file('/run/secrets/sluice-admin')}"],
      [SECRET]: true,
    }),
  )

export const Admin = Type.Union(
  [
    Type.Literal(false, { description: 'No port at all.' }),
    Closed({
      host: Type.Optional(
        Type.String({
          default: '127.0.0.1',
          minLength: 1,
          description:
            'Address to listen on; `0.0.0.0` opens it to the network, which takes a `token` or a `readToken`.',
        }),
      ),
      port: Type.Optional(
        Type.Integer({ default: 8085, minimum: 0, maximum: 65_535, description: 'Port; 0 takes any free one.' }),
      ),
      token: Token(
        'Bearer token for everything under `/api`, at least 16 characters. Without it nothing can be changed. Default: none.',
      ),
      readToken: Token('Bearer token for what only reads, at least 16 characters. Default: none.'),
      redact: Type.Optional(
        Type.Array(Type.String({ minLength: 1, maxLength: 200 }), {
          default: [],
          maxItems: 200,
          description:
            'Names of headers and body fields whose values are hidden in taps and dead letters, beside those of the built-in list; `*` stands for any characters, case does not count.',
          examples: [['iban', '*_number']],
        }),
      ),
    }),
  ],
  {
    default: {},
    description: 'Where `/livez`, `/readyz` and `/metrics`, the API and the page are served.',
  },
)

type Options = Exclude<Static<typeof Admin>, false>

/** Resolved: a `token` or `readToken` is there wherever `host` is not this machine alone. */
export type AdminConfig =
  | false
  | (Readonly<Required<Pick<Options, 'host' | 'port'>>> & Readonly<Omit<Options, 'host' | 'port'>>)
