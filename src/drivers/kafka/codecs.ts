import { promisify } from 'node:util'
import { gunzip, zstdDecompress } from 'node:zlib'
import { describe } from '../../core/errors.ts'
import { unlz4 } from './lz4.ts'
import { unsnappy } from './snappy.ts'

/**
 * Most bytes one compressed record batch may unpack to: 128 MiB. Brokers limit batches by their packed size, so without
 * this a batch of 1 MiB could take gigabytes. Far above what producers build (batch.size, 16 KiB by default in Java).
 */
export const MAX_BATCH_BYTES = 128 * 2 ** 20

const inflate = promisify(gunzip)
const unzstd = promisify(zstdDecompress)

interface Codec {
  compress(): Promise<never>
  decompress(input: Buffer): Promise<Buffer>
}

const codec = (name: string, decompress: (input: Buffer) => Buffer | Promise<Buffer>): Codec => ({
  async compress() {
    throw new Error('kafkajs is not used for producing')
  },
  async decompress(input) {
    try {
      return await decompress(input)
    } catch (cause) {
      // kafkajs gives up on a RangeError; anything else it would retry in silence for ever.
      throw new RangeError(`a record batch compressed with ${name} cannot be unpacked: ${describe(cause)}`, { cause })
    }
  },
})

const gzip = codec('gzip', input => inflate(input, { maxOutputLength: MAX_BATCH_BYTES }))
const snappy = codec('snappy', input => unsnappy(input, MAX_BATCH_BYTES))
const lz4 = codec('lz4', input => unlz4(input, MAX_BATCH_BYTES))
const zstd = codec('zstd', input => unzstd(input, { maxOutputLength: MAX_BATCH_BYTES }))

/** For kafkajs' CompressionCodecs, by the number Kafka gives a codec in a batch's attributes. */
export const compressionCodecs = { 1: () => gzip, 2: () => snappy, 3: () => lz4, 4: () => zstd }
