// Java's SnappyOutputStream frames its blocks so: magic, version, compatible version, then length-prefixed blocks.
const JAVA_MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00])
const JAVA_HEADER = 16

/**
 * Unpacks what Kafka calls snappy: one raw block (librdkafka, kafkajs) or Java's framed blocks.
 * Format: https://github.com/google/snappy/blob/main/format_description.txt
 * @param limit most bytes the result may have. Throws RangeError beyond it and for damaged input.
 */
export function unsnappy(input: Buffer, limit: number): Buffer {
  if (!input.subarray(0, JAVA_MAGIC.length).equals(JAVA_MAGIC)) return block(input, limit)
  const parts: Buffer[] = []
  let total = 0
  for (let at = JAVA_HEADER; at < input.length; ) {
    if (at + 4 > input.length) throw new RangeError('snappy: a frame is cut short')
    const end = at + 4 + input.readUInt32BE(at)
    if (end > input.length) throw new RangeError('snappy: a frame is cut short')
    const part = block(input.subarray(at + 4, end), limit - total)
    total += part.length
    parts.push(part)
    at = end
  }
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts, total)
}

function block(input: Buffer, limit: number): Buffer {
  let at = 0
  let length = 0
  for (let factor = 1; ; factor *= 128) {
    const byte = input[at++]
    if (byte === undefined || factor > 2 ** 28) throw new RangeError('snappy: the length is damaged')
    length += (byte & 0x7f) * factor
    if (byte < 0x80) break
  }
  if (length > limit) throw new RangeError(`snappy: unpacks to more than ${limit} bytes`)
  const output = Buffer.allocUnsafe(length)
  let to = 0
  while (at < input.length) {
    const tag = input[at++]!
    const kind = tag & 3
    if (kind === 0) {
      let size = tag >>> 2
      if (size >= 60) {
        const extra = size - 59
        size = little(input, at, extra)
        at += extra
      }
      size++
      if (at + size > input.length || to + size > length) throw new RangeError('snappy: a literal overruns')
      move(input, at, output, to, size)
      at += size
      to += size
      continue
    }
    const size = kind === 1 ? ((tag >>> 2) & 7) + 4 : (tag >>> 2) + 1
    const width = kind === 1 ? 1 : kind === 2 ? 2 : 4
    const offset = kind === 1 ? ((tag >>> 5) << 8) | little(input, at, 1) : little(input, at, width)
    at += width
    if (offset === 0 || offset > to || to + size > length) throw new RangeError('snappy: a copy points outside')
    repeat(output, to, offset, size)
    to += size
  }
  if (to !== length) throw new RangeError('snappy: shorter than it says')
  return output
}

// Most pieces are a few bytes: there a loop beats the call into C++ by far.
const SHORT = 48

export function move(input: Buffer, at: number, output: Buffer, to: number, size: number): void {
  if (size > SHORT) input.copy(output, to, at, at + size)
  else for (let end = to + size; to < end; ) output[to++] = input[at++]!
}

/** Copies `size` bytes from `offset` bytes back; source and target may overlap, which repeats a pattern. */
export function repeat(output: Buffer, to: number, offset: number, size: number): void {
  if (size > SHORT && offset >= size) output.copyWithin(to, to - offset, to - offset + size)
  else if (size > SHORT && offset === 1) output.fill(output[to - 1]!, to, to + size)
  else for (let from = to - offset, end = to + size; to < end; ) output[to++] = output[from++]!
}

function little(input: Buffer, at: number, width: number): number {
  if (at + width > input.length) throw new RangeError('snappy: cut short')
  return input.readUIntLE(at, width)
}
