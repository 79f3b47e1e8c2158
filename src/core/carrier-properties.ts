import type { Properties } from './message.ts'
import { bytesOfText, textOfBytes } from './raw-text.ts'

interface Carried {
  readonly name: string
  readonly property: keyof Properties
  /** The property's value for the text, or undefined when this is not a text `print` could have made. */
  read(text: string): string | number | bigint | undefined
}

// AMQP's limits: what is beyond them could not be a property there, and stays a header that goes everywhere.
const LONGEST_TEXT = 255
const LONGEST_LIFE = 2 ** 32 - 1

const text = (name: string, property: keyof Properties): Carried => ({
  name,
  property,
  read: value => (value.length <= LONGEST_TEXT && byteLength(value) <= LONGEST_TEXT ? value : undefined),
})
const whole = (
  name: string,
  property: keyof Properties,
  read: (digits: string) => number | bigint,
  max: number | bigint,
): Carried => ({
  name,
  property,
  read(value) {
    if (!/^(0|[1-9][0-9]{0,19})$/.test(value)) return undefined
    const number = read(value)
    return number <= max ? number : undefined
  },
})
const mode = (value: string) => (value === '1' ? 1 : value === '2' ? 2 : undefined)
const life = (value: string) => (/^[0-9]{1,10}$/.test(value) && Number(value) <= LONGEST_LIFE ? value : undefined)

/** Properties and the headers they travel in, in the order in which they are written. */
export const CARRIED: readonly Carried[] = [
  text('message-id', 'messageId'),
  text('content-type', 'contentType'),
  text('content-encoding', 'contentEncoding'),
  text('correlation-id', 'correlationId'),
  text('reply-to', 'replyTo'),
  text('amqp-type', 'type'),
  { name: 'amqp-expiration', property: 'expiration', read: life },
  whole('amqp-priority', 'priority', Number, 255),
  { name: 'amqp-delivery-mode', property: 'deliveryMode', read: mode },
  whole('amqp-timestamp', 'timestamp', BigInt, 2n ** 64n - 1n),
  text('amqp-user-id', 'userId'),
  text('amqp-app-id', 'appId'),
  text('amqp-cluster-id', 'clusterId'),
]

function byteLength(text: string): number {
  const length = Buffer.byteLength(text)
  return length === text.length ? length : bytesOfText(text).length
}

/** Rank in CARRIED by header name. */
export const RANK: ReadonlyMap<string, number> = new Map(CARRIED.map(({ name }, rank) => [name, rank]))

/** What a header of a property's name means as that property; undefined when it cannot be it and stays a plain header. */
export function readProperty(rank: number, value: Buffer | string | null): string | number | bigint | undefined {
  if (value === null) return undefined
  if (typeof value === 'string') return CARRIED[rank]!.read(value)
  return value.length <= LONGEST_TEXT ? CARRIED[rank]!.read(textOfBytes(value)) : undefined
}
