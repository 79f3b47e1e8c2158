/** Where a message is: the entry of a ledger, in a partition (-1 = the topic has none), in a batch (-1 = in none). */
export interface MessageId {
  readonly ledger: bigint
  readonly entry: bigint
  readonly partition: number
  readonly batchIndex: number
}

const VARINT = 0
// Field numbers of PulsarApi.proto's MessageIdData.
const LEDGER = 1
const ENTRY = 2
const PARTITION = 3
const BATCH_INDEX = 4

/**
 * Reads the serialized form that both transports give: a protobuf of varints. Undefined for anything else. Fields that
 * are not known are passed over.
 */
export function parseMessageId(bytes: Buffer): MessageId | undefined {
  const fields = new Map<number, bigint>()
  let at = 0
  const varint = (): bigint | undefined => {
    let value = 0n
    for (let shift = 0n; at < bytes.length && shift < 70n; shift += 7n) {
      const byte = bytes[at++]!
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return BigInt.asUintN(64, value)
    }
    return undefined
  }
  while (at < bytes.length) {
    const tag = varint()
    if (tag === undefined) return undefined
    const value = varint()
    if (value === undefined) return undefined
    if (Number(tag & 7n) === VARINT) fields.set(Number(tag >> 3n), value)
    // A field with a length (an ack set, a first chunk): passed over.
    else if ((tag & 7n) === 2n) at += Number(value)
    else return undefined
  }
  const ledger = fields.get(LEDGER)
  const entry = fields.get(ENTRY)
  if (at !== bytes.length || ledger === undefined || entry === undefined) return undefined
  const signed = (field: number) => Number(BigInt.asIntN(32, fields.get(field) ?? -1n))
  return { ledger, entry, partition: signed(PARTITION), batchIndex: signed(BATCH_INDEX) }
}

/** True if `id` comes later in its partition than `other` does. */
export function isBehind(id: MessageId, other: MessageId): boolean {
  if (id.ledger !== other.ledger) return id.ledger > other.ledger
  return id.entry === other.entry ? id.batchIndex > other.batchIndex : id.entry > other.entry
}

/** True if there may be nothing between `other` and `id`, which is behind it. A new ledger begins with entry 0. */
export function follows(id: MessageId, other: MessageId): boolean {
  if (id.ledger !== other.ledger) return id.entry === 0n
  return id.entry - other.entry <= 1n
}

/** `ledger:entry`, and the index in a batch behind it where there is one. */
export function printMessageId({ ledger, entry, batchIndex }: MessageId): string {
  return batchIndex < 0 ? `${ledger}:${entry}` : `${ledger}:${entry}:${batchIndex}`
}
