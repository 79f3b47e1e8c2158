import { isUtf8 } from 'node:buffer'

// Texts of a protocol ought to be UTF-8, and brokers do not check: somebody's correlation id is 16 random bytes. Such a
// byte stands in the text as a lone surrogate, U+DC80 to U+DCFF, which no UTF-8 can have (as in Python's PEP 383).

const REPLACEMENT = '\ufffd'
const LONE = 0xdc00

/** Text of bytes, from which `bytesOfText` makes the same bytes again, whatever they are. */
export function textOfBytes(bytes: Buffer, start = 0, end = bytes.length): string {
  const text = bytes.toString('utf8', start, end)
  return text.includes(REPLACEMENT) ? rawText(bytes.subarray(start, end), text) : text
}

function rawText(bytes: Buffer, decoded: string): string {
  if (isUtf8(bytes)) return decoded
  let text = ''
  for (let at = 0; at < bytes.length; ) {
    const size = characterSize(bytes[at]!)
    const character = bytes.subarray(at, at + size)
    if (size > 0 && character.length === size && isUtf8(character)) {
      text += character.toString('utf8')
      at += size
    } else text += String.fromCharCode(LONE + bytes[at++]!)
  }
  return text
}

// Bytes of a character that begins with this byte; 0 = none does.
function characterSize(first: number): number {
  if (first < 0x80) return 1
  if (first < 0xc2) return 0
  return first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0
}

/** The bytes of a text: its UTF-8, and for what `textOfBytes` could not read the bytes themselves. */
export function bytesOfText(text: string): Buffer {
  if (text.isWellFormed()) return Buffer.from(text, 'utf8')
  const parts: Buffer[] = []
  for (const character of text) {
    const code = character.charCodeAt(0)
    const isRaw = character.length === 1 && code >= LONE + 0x80 && code <= LONE + 0xff
    parts.push(isRaw ? Buffer.of(code - LONE) : Buffer.from(character, 'utf8'))
  }
  return Buffer.concat(parts)
}
