import { move, repeat } from './snappy.ts'

const MAGIC = 0x184d2204
const BLOCK_MAX = [0, 0, 0, 0, 1 << 16, 1 << 18, 1 << 20, 1 << 22]

/**
 * Unpacks an LZ4 frame, as Kafka uses them for record batches. Checksums are skipped: Kafka's CRC covers the whole batch.
 * Format: https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md
 * @param limit most bytes the result may have. Throws RangeError beyond it and for damaged input.
 */
export function unlz4(input: Buffer, limit: number): Buffer {
  if (input.length < 7 || input.readUInt32LE(0) !== MAGIC) throw new RangeError('lz4: not an LZ4 frame')
  const flags = input[4]!
  const blockMax = BLOCK_MAX[(input[5]! >>> 4) & 7]!
  if (flags >>> 6 !== 1 || blockMax === 0) throw new RangeError('lz4: an unknown version of the frame')
  if (flags & 1) throw new RangeError('lz4: a frame that needs a dictionary')
  let at = 6 + (flags & 8 ? 8 : 0) + 1
  const trailer = flags & 16 ? 4 : 0
  let output = Buffer.allocUnsafe(Math.min(limit, Math.max(blockMax, input.length * 4)))
  let to = 0
  for (;;) {
    if (at + 4 > input.length) throw new RangeError('lz4: cut short')
    const word = input.readUInt32LE(at)
    at += 4
    if (word === 0) return output.subarray(0, to)
    const size = word & 0x7fffffff
    if (at + size > input.length) throw new RangeError('lz4: cut short')
    const room = Math.min(to + blockMax, limit)
    if (room > output.length) output = grow(output, to, Math.min(limit, Math.max(room, output.length * 2)))
    if (word >>> 31) {
      if (to + size > room) throw new RangeError(`lz4: unpacks to more than ${limit} bytes`)
      to += input.copy(output, to, at, at + size)
    } else {
      to = block(input, at, at + size, output, to, room)
    }
    at += size + trailer
  }
}

function grow(output: Buffer, used: number, size: number): Buffer<ArrayBuffer> {
  const next = Buffer.allocUnsafe(size)
  output.copy(next, 0, 0, used)
  return next
}

// Copies may reach back into earlier blocks of the frame (linked blocks), so `output` is the whole frame's.
function block(input: Buffer, at: number, end: number, output: Buffer, to: number, room: number): number {
  while (at < end) {
    const token = input[at++]!
    let literal = token >>> 4
    if (literal === 15) {
      let byte = 255
      while (byte === 255) {
        if (at >= end) throw new RangeError('lz4: cut short')
        byte = input[at++]!
        literal += byte
      }
    }
    if (at + literal > end || to + literal > room) throw new RangeError('lz4: a literal overruns')
    move(input, at, output, to, literal)
    at += literal
    to += literal
    if (at >= end) break
    if (at + 2 > end) throw new RangeError('lz4: cut short')
    const offset = input[at]! | (input[at + 1]! << 8)
    at += 2
    let size = (token & 15) + 4
    if (size === 19) {
      let byte = 255
      while (byte === 255) {
        if (at >= end) throw new RangeError('lz4: cut short')
        byte = input[at++]!
        size += byte
      }
    }
    if (offset === 0 || offset > to || to + size > room) throw new RangeError('lz4: a copy points outside')
    repeat(output, to, offset, size)
    to += size
  }
  return to
}
