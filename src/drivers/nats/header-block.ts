import { SluiceError } from '../../core/errors.ts'
import { bytesOfText, textOfBytes } from '../../core/raw-text.ts'

// The header block of the NATS protocol: a version line, lines of `name: value`, an empty line. Values are any bytes
// without CR and LF, and blanks around them are not theirs.

export type WireHeader = readonly [name: string, value: string | Buffer]
export type ReadHeader = readonly [name: string, value: Buffer]

export interface HeaderBlock {
  readonly entries: readonly ReadHeader[]
  /** Of a message of the server's own, e.g. 503; 0 = none. */
  readonly status: number
  /** What stands beside the status. */
  readonly description: string
}

const VERSION = 'NATS/1.0'
const START = Buffer.from(`${VERSION}\r\n`, 'latin1')
const LINE = '\r\n'
const CR = 13
const ASCII = /^[ -~]*$/
const NONE: HeaderBlock = { entries: [], status: 0, description: '' }

/** The block for these headers, whose names and values the protocol must allow. No headers: an empty one. */
export function encodeBlock(headers: readonly WireHeader[]): Buffer {
  if (headers.length === 0) return Buffer.alloc(0)
  let text = `${VERSION}${LINE}`
  let parts: Buffer[] | undefined
  for (const [name, value] of headers) {
    if (typeof value === 'string') text += `${name}: ${value}${LINE}`
    else {
      parts ??= []
      parts.push(Buffer.from(`${text}${name}: `, 'utf8'), value)
      text = LINE
    }
  }
  const rest = Buffer.from(`${text}${LINE}`, 'utf8')
  return parts === undefined ? rest : Buffer.concat([...parts, rest])
}

/** Reads a block. Throws HEADERS_INVALID for one that is none. */
export function decodeBlock(block: Buffer): HeaderBlock {
  if (block.length === 0) return NONE
  const entries: ReadHeader[] = []
  let at = START.length
  let status = 0
  let description = ''
  if (!startsPlain(block)) {
    const end = block.indexOf(LINE)
    const first = block.toString('latin1', 0, end < 0 ? block.length : end)
    const match = /^NATS\/1\.0[ \t]*(\d{3})?[ \t]*(.*)$/.exec(first)
    if (end < 0 || match === null || (match[1] === undefined && match[2] !== ''))
      throw invalid('does not begin with NATS/1.0')
    status = Number(match[1] ?? 0)
    description = match[2]!
    at = end + LINE.length
  }
  // One character a byte: searching a text is many times faster than looking at each byte.
  const text = block.toString('latin1')
  for (;;) {
    const end = text.indexOf('\n', at)
    if (end < 0) throw invalid('does not end with an empty line')
    const last = block[end - 1] === CR ? end - 1 : end
    if (last <= at) return { entries, status, description }
    entries.push(readLine(block, text, at, last))
    at = end + 1
  }
}

function readLine(block: Buffer, text: string, start: number, end: number): ReadHeader {
  const colon = text.indexOf(':', start)
  if (colon < 0 || colon >= end) throw invalid('has a line without a colon')
  let from = colon + 1
  let to = end
  while (from < to && isBlank(block[from]!)) from++
  while (to > from && isBlank(block[to - 1]!)) to--
  const name = text.slice(start, colon)
  return [ASCII.test(name) ? name : textOfBytes(block, start, colon), block.subarray(from, to)]
}

function startsPlain(block: Buffer): boolean {
  return block.length >= START.length && START.compare(block, 0, START.length) === 0
}

export function isBlank(byte: number): boolean {
  return byte === 32 || byte === 9
}

/** Bytes of a text as it goes into a block. */
export function wireBytes(value: string | Buffer): Buffer {
  return typeof value === 'string' ? bytesOfText(value) : value
}

function invalid(what: string): SluiceError {
  return new SluiceError('HEADERS_INVALID', `the header block ${what}`)
}
