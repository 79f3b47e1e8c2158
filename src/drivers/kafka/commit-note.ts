import type { Range } from '../../core/watermark.ts'

/** What stands beside a committed offset: how often records were delivered (Attempts), and which behind it are settled. */
export interface CommitNote {
  readonly attempts: string
  readonly settled: readonly Range[]
}

/** Kafka's default of `offset.metadata.max.bytes`. */
export const LONGEST_NOTE = 4_096

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const NOTE = /^((?:sluice:[0-9:@]+)?);([rb])([A-Za-z0-9_-]+)$/

/**
 * The note for a commit of `offset`. Settled records behind an unsettled one are named, so that whoever begins at the offset
 * leaves them out: `;r` and the lengths of unsettled and settled stretches in turn, or `;b` and a bit per record, whichever is
 * shorter.
 */
export function commitNote(offset: number, { attempts, settled }: CommitNote): string {
  if (settled.length === 0) return attempts
  const stretches = lengths(offset, settled)
  const span = settled.at(-1)!.to - offset
  if (Math.ceil(span / 6) >= stretches.length) return `${attempts};r${stretches}`
  return `${attempts};b${bits(offset, settled, span)}`
}

/** Reads a note that stands beside `offset`; what is no such note says nothing about settled records. */
export function readNote(offset: number, text: string): CommitNote {
  const match = NOTE.exec(text)
  if (match === null) return { attempts: text, settled: [] }
  const [, attempts, kind, code] = match as unknown as [string, string, string, string]
  return { attempts, settled: kind === 'r' ? fromLengths(offset, code) : fromBits(offset, code) }
}

// Five bits per digit, the lowest first; the sixth says that more follow.
function lengths(offset: number, ranges: readonly Range[]): string {
  let text = ''
  let at = offset
  for (const { from, to } of ranges) {
    for (let number of [from - at, to - from]) {
      for (; number >= 32; number = Math.floor(number / 32)) text += DIGITS[32 + (number % 32)]
      text += DIGITS[number]
    }
    at = to
  }
  return text
}

function fromLengths(offset: number, code: string): Range[] {
  const numbers: number[] = []
  let number = 0
  let factor = 1
  for (const digit of code) {
    const value = DIGITS.indexOf(digit)
    number += (value % 32) * factor
    factor *= 32
    if (value >= 32) continue
    numbers.push(number)
    number = 0
    factor = 1
  }
  const ranges: Range[] = []
  let at = offset
  for (let i = 0; i + 1 < numbers.length; i += 2) {
    const from = at + numbers[i]!
    at = from + numbers[i + 1]!
    ranges.push({ from, to: at })
  }
  return ranges
}

function bits(offset: number, ranges: readonly Range[], span: number): string {
  const sixes = new Uint8Array(Math.ceil(span / 6))
  for (const { from, to } of ranges)
    for (let bit = from - offset; bit < to - offset; bit++) sixes[Math.floor(bit / 6)]! |= 1 << (bit % 6)
  return Array.from(sixes, six => DIGITS[six]).join('')
}

function fromBits(offset: number, code: string): Range[] {
  const ranges: Range[] = []
  let from: number | undefined
  for (let bit = 0; bit <= code.length * 6; bit++) {
    const set = bit < code.length * 6 && ((DIGITS.indexOf(code[Math.floor(bit / 6)]!) >> (bit % 6)) & 1) === 1
    if (set) from ??= offset + bit
    else if (from !== undefined) {
      ranges.push({ from, to: offset + bit })
      from = undefined
    }
  }
  return ranges
}
