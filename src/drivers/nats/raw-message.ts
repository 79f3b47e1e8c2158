import type { Msg } from 'nats'
import { encodeBlock } from './header-block.ts'

/** A message as it came over the wire. */
export interface RawMessage {
  readonly block: Buffer
  readonly body: Buffer
}

/** How nats 2.29 keeps what it received; its own `headers` would lose order, case of names, and bytes that are no UTF-8. */
interface Internals {
  readonly _msg?: { readonly hdr?: unknown }
  readonly _rdata?: unknown
}

const EMPTY = Buffer.alloc(0)

/** Header block and body, exactly. */
export function rawMessage(message: Msg): RawMessage {
  const { _msg, _rdata } = message as unknown as Internals
  if (typeof _msg?.hdr === 'number' && (_rdata === undefined || _rdata instanceof Uint8Array)) {
    if (_rdata === undefined) return { block: EMPTY, body: EMPTY }
    const bytes = asBuffer(_rdata)
    return _msg.hdr > 0
      ? { block: bytes.subarray(0, _msg.hdr), body: bytes.subarray(_msg.hdr) }
      : { block: EMPTY, body: bytes }
  }
  // Another version of the library: what it makes of the headers is better than nothing.
  const { headers } = message
  const entries =
    headers === undefined ? [] : [...headers].flatMap(([name, values]) => values.map(one => [name, one] as const))
  return { block: encodeBlock(entries), body: asBuffer(message.data) }
}

export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
}
