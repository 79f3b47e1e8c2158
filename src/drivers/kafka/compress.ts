import { promisify } from 'node:util'
import { gzip, zstdCompress } from 'node:zlib'
import { compressionsAlgorithms } from '@platformatic/kafka'
import { BATCH_HEAD, type Compression } from './record-batch.ts'

const gzipped = promisify(gzip)
const zstandard = promisify(zstdCompress)

/** The encoded batch with its records packed and room for its head in front; gzip and zstd off the main thread. */
export async function compress(batch: Buffer, compression: Exclude<Compression, 'none'>): Promise<Buffer> {
  const records = batch.subarray(BATCH_HEAD)
  return Buffer.concat([batch.subarray(0, BATCH_HEAD), await pack(records, compression)])
}

async function pack(records: Buffer, compression: Exclude<Compression, 'none'>): Promise<Buffer> {
  if (compression === 'gzip') return gzipped(records)
  return compression === 'zstd' ? zstandard(records) : compressionsAlgorithms[compression].compressSync(records)
}
