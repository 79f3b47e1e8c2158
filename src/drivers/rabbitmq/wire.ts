import type { ChannelModel } from 'amqplib'
import { SluiceError } from '../../core/errors.ts'

/** Frame types and the end mark of AMQP 0-9-1. */
export const FRAME = { method: 1, header: 2, body: 3, end: 0xce } as const
/** Bytes of a frame beside its payload. */
export const FRAME_OVERHEAD = 8

/** Takes the frames of one channel before amqplib sees them. */
export interface FrameTaker {
  /** The payload is `bytes[at, at + size)`. True = taken, false = amqplib's. Must not throw for what a broker may send. */
  take(type: number, bytes: Buffer, at: number, size: number): boolean
}

// What Sluice relies on inside amqplib's connection object (2.3); everything else goes through its public API.
interface Internals {
  rest: Buffer
  readonly stream: { read(): Buffer | null; destroy(error?: Error): void }
  readonly channels: ({ readonly buffer: { write(chunk: Buffer): boolean } } | null)[]
  readonly frameMax: number
  readonly maxFrameSize: number
  sentSinceLastCheck: boolean
  recvSinceLastCheck: boolean
  recvFrame(): unknown
}

/**
 * Content frames of one amqplib connection, read and written by Sluice's own codec: amqplib's is not lossless
 * (docs/adr/20261123-amqp-codec.md). Only this connection object is changed, so other users of amqplib are undisturbed.
 */
export class Wire {
  readonly #inner: Internals
  readonly #delegate: () => unknown
  readonly #takers: (FrameTaker | undefined)[] = []
  #bytes: Buffer
  #at = 0

  /** Throws NOT_SUPPORTED when the amqplib that is installed is not built as expected. */
  constructor(model: ChannelModel) {
    const inner = model.connection as unknown as Internals
    assertKnown(inner)
    this.#inner = inner
    this.#bytes = inner.rest
    this.#delegate = inner.recvFrame.bind(inner)
    inner.recvFrame = () => this.#next()
  }

  /** Largest frame agreed with the broker, overhead included. */
  get frameMax(): number {
    return this.#inner.frameMax
  }

  attach(channel: number, taker: FrameTaker): void {
    this.#takers[channel] = taker
  }

  detach(channel: number, taker: FrameTaker): void {
    if (this.#takers[channel] === taker) this.#takers[channel] = undefined
  }

  /** Sends whole frames on an open channel, behind what amqplib has sent on it. False = wait for the channel's `drain`. */
  write(channel: number, frames: Buffer): boolean {
    const open = this.#inner.channels[channel]
    if (open === null || open === undefined) throw new SluiceError('CHANNEL_LOST', 'the channel is closed')
    this.#inner.sentSinceLastCheck = true
    return open.buffer.write(frames)
  }

  /** Ends the socket at once. amqplib only half-closes it, and a peer that is gone never answers that. */
  destroy(error?: Error): void {
    this.#inner.stream.destroy(error)
  }

  // Called by amqplib until it answers false; a frame it returns is amqplib's to handle.
  #next(): unknown {
    for (;;) {
      const bytes = this.#bytes
      const at = this.#at
      const left = bytes.length - at
      if (left >= 7) {
        const size = bytes.readUInt32BE(at + 3)
        if (size > this.#inner.maxFrameSize) throw new Error(`a frame of ${size} bytes exceeds the limit`)
        if (left >= size + FRAME_OVERHEAD) {
          if (bytes[at + 7 + size] !== FRAME.end) throw new Error('a frame does not end where it should')
          this.#at = at + size + FRAME_OVERHEAD
          const taker = this.#takers[bytes.readUInt16BE(at + 1)]
          if (taker?.take(bytes[at]!, bytes, at + 7, size)) continue
          this.#inner.rest = bytes.subarray(at, this.#at)
          return this.#delegate()
        }
      }
      const chunk = this.#inner.stream.read()
      if (chunk === null) return false
      this.#inner.recvSinceLastCheck = true
      this.#bytes = left === 0 ? chunk : Buffer.concat([bytes.subarray(at), chunk])
      this.#at = 0
    }
  }
}

function assertKnown(inner: Internals): void {
  const known =
    Buffer.isBuffer(inner.rest) &&
    typeof inner.stream?.read === 'function' &&
    typeof inner.stream.destroy === 'function' &&
    Array.isArray(inner.channels) &&
    typeof inner.frameMax === 'number' &&
    typeof inner.maxFrameSize === 'number' &&
    typeof inner.sentSinceLastCheck === 'boolean' &&
    typeof inner.recvSinceLastCheck === 'boolean' &&
    typeof inner.recvFrame === 'function'
  if (!known)
    throw new SluiceError(
      'NOT_SUPPORTED',
      'the installed amqplib is built differently from the one Sluice knows (2.3)',
      {
        hint: 'Install the amqplib version that package-lock.json names.',
      },
    )
}
