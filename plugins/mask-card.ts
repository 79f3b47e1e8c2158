import {
  bytes,
  Closed,
  definePlugin,
  encodeBody,
  type Message,
  Size,
  SluiceError,
  type Static,
  type TransformFactory,
  Type,
} from 'sluice'

const schema = Closed(
  {
    fields: Type.Optional(
      Type.Array(Type.String({ minLength: 1 }), {
        minItems: 1,
        default: ['card'],
        description: 'Fields of the body that hold a card number, as paths of names: `card`, `payment.card`.',
      }),
    ),
    keep: Type.Optional(
      Type.Integer({ minimum: 0, maximum: 6, default: 4, description: 'Digits at the end that stay readable.' }),
    ),
    largest: Type.Optional(
      Size({ default: '1MiB', description: 'Bodies larger than this are refused instead of parsed.' }),
    ),
  },
  { description: 'Replaces all but the last digits of card numbers by `*`.' },
)

/** `use: mask-card` with `with: { fields, keep, largest }`. A body without the fields goes on as it is. */
const maskCard: TransformFactory = {
  name: 'mask-card',
  schema,
  create(options) {
    const { fields = ['card'], keep = 4, largest = '1MiB' } = (options ?? {}) as Static<typeof schema>
    const paths = fields.map(field => field.split('.'))
    const limit = bytes(largest)
    return message => {
      if (message.size > limit)
        throw new SluiceError('TRANSFORM_FAILED', `mask-card: the body has ${message.size} bytes, more than ${largest}`)
      return masked(message, paths, keep)
    }
  },
}

function masked(message: Message, paths: readonly (readonly string[])[], keep: number): Message {
  // The decoded body is shared with everybody who reads the message, so the copy below is what changes.
  let body = message.body
  for (const path of paths) body = replace(body, path, value => mask(value, keep))
  return body === message.body ? message : message.with({ bytes: encodeBody(body, message.decode) })
}

// A copy in which the value at the path is replaced; lists on the way are gone through; the same value if nothing changes.
function replace(node: unknown, path: readonly string[], change: (value: unknown) => unknown): unknown {
  const [name, ...rest] = path
  if (name === undefined) return change(node)
  if (Array.isArray(node)) {
    const list = node.map(item => replace(item, path, change))
    return list.some((item, i) => item !== node[i]) ? list : node
  }
  if (typeof node !== 'object' || node === null || !Object.hasOwn(node, name)) return node
  const before = (node as Record<string, unknown>)[name]
  const after = replace(before, rest, change)
  return after === before ? node : { ...node, [name]: after }
}

/** `4111 1111 1111 1111` → `**** **** **** 1111`: digits go, what separates them stays. Numbers become text. */
function mask(value: unknown, keep: number): unknown {
  if (typeof value !== 'string' && typeof value !== 'number') return value
  const text = String(value)
  let digits = text.replace(/\D/g, '').length
  return text.replace(/\d/g, digit => (digits-- > keep ? '*' : digit))
}

export default definePlugin({ name: 'mask-card', transforms: [maskCard] })
