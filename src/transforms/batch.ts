import { type Static, Type } from 'typebox'
import { SluiceError } from '../core/errors.ts'
import type { Frame, Gather, GatherFactory, Member } from '../core/gather.ts'
import type { Message, Properties } from '../core/message.ts'
import { bytes, Closed, Duration, milliseconds, Size, Template } from '../core/schema.ts'
import { agreed } from './agreed.ts'
import { groupKey } from './group-key.ts'

/** How many messages a batch was made of. */
export const BATCH_COUNT_HEADER = 'sluice-batch-count'

const schema = Closed(
  {
    count: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 100_000,
        description: 'Most messages in one batch; at most the `inFlight` of the route. Default: no limit.',
      }),
    ),
    every: Type.Optional(
      Duration({ default: '1s', description: 'Longest time a batch stays open, counted from its first message.' }),
    ),
    bytes: Type.Optional(
      Size({
        default: '512KiB',
        description:
          'Most bytes of bodies in one batch; a larger message goes alone. Keep it below what the target takes.',
      }),
    ),
    key: Type.Optional(
      Template({
        description:
          'Messages with an equal value are gathered together, and it becomes the key of the batch. Default: all messages of the route.',
        examples: ['${headers.user_id}'],
      }),
    ),
    as: Type.Optional(
      Type.Union(
        [
          Type.Literal('json-array', { description: 'One message, a JSON array of the bodies as they are.' }),
          Type.Literal('lines', { description: 'One message, each body on a line of its own.' }),
          Type.Literal('messages', { description: 'The messages as they are, published together.' }),
        ],
        { default: 'json-array', description: 'What a batch becomes.' },
      ),
    ),
  },
  {
    description:
      'Gathers messages until one of the limits is reached and sends them on as one. At least one of `count`, `every` and `bytes` has to be there. See docs/windows.md.',
  },
)

type As = NonNullable<Static<typeof schema>['as']>

/** `batch: { count: 100, every: 1s, as: json-array }` — one message out of many. */
export const batch: GatherFactory = {
  name: 'batch',
  schema,

  check(options) {
    const { count, every, bytes: size } = options as Static<typeof schema>
    if (every !== undefined && milliseconds(every) === 0)
      return [
        { path: ['every'], message: 'a batch that stays open for no time gathers nothing', hint: 'E.g. `every: 1s`.' },
      ]
    if (count !== undefined || every !== undefined || size !== undefined) return []
    return [
      {
        path: [],
        message: 'a batch needs a limit',
        hint: 'Give it at least one of `count`, `every` and `bytes`, e.g. `batch: { count: 100, every: 1s }`.',
      },
    ]
  },

  gather(options): Gather {
    const given = options as Static<typeof schema>
    const as: As = given.as ?? 'json-array'
    const key = groupKey(given.key, 'batch')
    return {
      every: milliseconds(given.every ?? '1s'),
      count: given.count,
      bytes: bytes(given.bytes ?? '512KiB'),
      separate: as === 'messages',
      take(message) {
        const value = as === 'messages' ? undefined : PIECES[as](message)
        return { key: key(message), value, size: value === undefined ? message.size : value.length + 1 }
      },
      merge: (members, frame) => merge(members, frame, as),
    }
  },
}

const LINE_FEED = 0x0a
const PIECES = { 'json-array': jsonPiece, lines: linePiece } as const

// The bytes as they came: numbers keep their digits. A tombstone is `null`.
function jsonPiece(message: Message): Buffer {
  const { bytes: body } = message
  if (body === null) return Buffer.from('null')
  // Throws BODY_INVALID: such a message must not spoil the array for its neighbours.
  void (message.decode === 'json' ? message : message.with({ decode: 'json' })).body
  return body
}

function linePiece({ bytes: body }: Message): Buffer {
  if (body === null)
    throw new SluiceError('BODY_INVALID', 'batch: a tombstone has no body to make a line of', {
      hint: 'Keep tombstones away with a filter, or use `as: json-array`.',
    })
  const line = body.at(-1) === LINE_FEED ? body.subarray(0, body.at(-2) === 0x0d ? -2 : -1) : body
  if (!line.includes(LINE_FEED)) return line
  throw new SluiceError('BODY_INVALID', 'batch: the body has a line break in it, so it is not one line', {
    hint: 'Write JSON on one line with `- set: { body: "${body}" }` before the batch, or use `as: json-array`.',
  })
}

function merge(members: readonly Member[], frame: Frame, as: As): Message {
  const messages = members.map(member => member.message)
  const [first] = messages as [Message]
  const { headers, properties } = agreed(messages)
  const pieces = members.map(member => member.value as Buffer)
  const body = as === 'lines' ? joined(pieces, '', '\n', '\n') : joined(pieces, '[', ',', ']')
  return first.with({
    id: frame.id,
    key: frame.key ?? (messages.every(({ keyText }) => keyText === first.keyText) ? first.key : null),
    headers: headers.concat([[BATCH_COUNT_HEADER, members.length]]),
    bytes: body,
    timestamp: Math.max(...messages.map(message => message.timestamp)),
    properties: typed(properties, frame.id, as),
    decode: as === 'lines' ? 'text' : 'json',
  })
}

function typed(properties: Properties, id: string, as: As): Properties {
  const { contentType, ...rest } = properties
  if (as === 'json-array') return { ...rest, messageId: id, contentType: 'application/json' }
  const lines = contentType === 'application/json' ? 'application/x-ndjson' : contentType
  return { ...rest, messageId: id, ...(lines === undefined ? {} : { contentType: lines }) }
}

function joined(pieces: readonly Buffer[], before: string, between: string, after: string): Buffer {
  const parts: Buffer[] = [Buffer.from(before)]
  const comma = Buffer.from(between)
  pieces.forEach((piece, at) => {
    if (at > 0) parts.push(comma)
    parts.push(piece)
  })
  parts.push(Buffer.from(after))
  return Buffer.concat(parts)
}
