import type { MsgHdrs } from 'nats'

/** A block that is ready, in the form in which the client library takes headers: it asks them for nothing but their bytes. */
class ReadyHeaders {
  readonly #block: Buffer

  constructor(block: Buffer) {
    this.#block = block
  }

  encode(): Uint8Array {
    return this.#block
  }
}

/** Undefined for an empty block: the message then goes without headers. */
export function headersOf(block: Buffer): MsgHdrs | undefined {
  return block.length === 0 ? undefined : (new ReadyHeaders(block) as unknown as MsgHdrs)
}
