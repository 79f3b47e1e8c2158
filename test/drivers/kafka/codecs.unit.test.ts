import { randomBytes } from 'node:crypto'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { compressionsAlgorithms } from '@platformatic/kafka'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compressionCodecs, MAX_BATCH_BYTES } from '../../../src/drivers/kafka/codecs.ts'
import { unlz4 } from '../../../src/drivers/kafka/lz4.ts'
import { unsnappy } from '../../../src/drivers/kafka/snappy.ts'
import { effort } from '../../effort.ts'
import { JAVA_BATCHES, JAVA_TEXT } from './java-batches.ts'

const NUMBERS = { gzip: 1, snappy: 2, lz4: 3, zstd: 4 } as const
const names = Object.keys(NUMBERS) as (keyof typeof NUMBERS)[]
const unpack = (name: keyof typeof NUMBERS, input: Buffer) => compressionCodecs[NUMBERS[name]]().decompress(input)

// Never empty: a batch holds a record at least, and the producer's own codecs throw on nothing after their memory has grown.
const content = fc
  .oneof(
    fc.uint8Array({ maxLength: 3_000 }).map(bytes => Buffer.from(bytes)),
    fc
      .array(fc.constantFrom('order ', 'user ', 'a', '\\n'), { maxLength: 2_000 })
      .map(words => Buffer.from(words.join(''))),
    fc.integer({ min: 0, max: 300_000 }).map(size => Buffer.alloc(size, 'x')),
    fc.integer({ min: 60_000, max: 200_000 }).map(size => randomBytes(size)),
  )
  .filter(plain => plain.length > 0)

describe.each(names)('%s', name => {
  it('unpacks what Java producers write', async () => {
    expect((await unpack(name, Buffer.from(JAVA_BATCHES[name], 'base64'))).toString()).toBe(JAVA_TEXT)
  })

  it('unpacks what our own producer writes', async () => {
    await fc.assert(
      fc.asyncProperty(content, async plain => {
        expect((await unpack(name, compressionsAlgorithms[name].compressSync(plain))).equals(plain)).toBe(true)
      }),
      { numRuns: effort(100) },
    )
  })

  it('refuses damaged input with an error instead of wrong bytes beyond its end', async () => {
    const good = compressionsAlgorithms[name].compressSync(Buffer.from(JAVA_TEXT))
    await fc.assert(
      fc.asyncProperty(fc.nat(good.length - 1), fc.nat(255), fc.nat(good.length), async (at, byte, end) => {
        const bad = Buffer.from(good.subarray(0, end))
        if (at < bad.length) bad[at] = byte
        const result = await unpack(name, bad).catch((error: unknown) => error)
        expect(result instanceof Error || Buffer.isBuffer(result)).toBe(true)
      }),
      { numRuns: effort(500) },
    )
  })
})

describe('a bomb', () => {
  const bomb = Buffer.alloc(1_000_000)
  it('of snappy is refused by the length it announces', () => {
    expect(() => unsnappy(compressionsAlgorithms.snappy.compressSync(bomb), 999_999)).toThrow(/more than 999999 bytes/)
  })
  it('of lz4 is refused when the limit is reached', () => {
    expect(() => unlz4(compressionsAlgorithms.lz4.compressSync(bomb), 999_999)).toThrow(RangeError)
  })
  it('of gzip and zstd is refused', async () => {
    const huge = Buffer.alloc(MAX_BATCH_BYTES + 1)
    await expect(unpack('gzip', gzipSync(huge, { level: 1 }))).rejects.toThrow()
    await expect(unpack('zstd', zstdCompressSync(huge))).rejects.toThrow()
  })
})
