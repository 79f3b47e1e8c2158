import { Reader, readRecordsBatch } from '@platformatic/kafka'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeRecords, type RecordFields, recordSize, writeHead } from '../../../src/drivers/kafka/record-batch.ts'
import { decodeRecord, KafkaRecord } from '../../../src/drivers/kafka/record-decoder.ts'

const bytes = () =>
  fc.oneof(
    fc.constant(null),
    fc.uint8Array({ maxLength: 300 }).map(list => Buffer.from(list)),
  )
const record = (): fc.Arbitrary<RecordFields> =>
  fc.record({
    key: bytes(),
    value: bytes(),
    timestamp: fc.oneof(fc.integer({ min: 0, max: 2 ** 40 }), fc.integer({ min: 0, max: 253_402_300_799_999 })),
    headers: fc.array(
      fc.tuple(
        fc.oneof(fc.string({ unit: 'grapheme', maxLength: 80 }), fc.constantFrom('a', '__proto__', 'toString', '1')),
        fc.oneof(fc.string({ unit: 'grapheme', maxLength: 80 }), bytes()),
      ),
      { maxLength: 5 },
    ),
  })

const head = { producerId: 77n, producerEpoch: 3, baseSequence: 2 ** 31 - 2, compression: 'none' } as const

function batchOf(records: readonly RecordFields[]): Buffer {
  const batch = encodeRecords(records)
  writeHead(batch, records, head)
  return batch
}

const asBytes = (value: string | Buffer | null) => (typeof value === 'string' ? Buffer.from(value) : value)

describe('a record batch', () => {
  it('is read back the same by another implementation', () => {
    fc.assert(
      fc.property(fc.array(record(), { minLength: 1, maxLength: 20 }), records => {
        const batch = readRecordsBatch(Reader.from(batchOf(records)))
        expect(batch).toMatchObject({ magic: 2, producerId: 77n, producerEpoch: 3, firstSequence: 2 ** 31 - 2 })
        expect(batch.maxTimestamp).toBe(BigInt(Math.max(...records.map(({ timestamp }) => timestamp))))
        const found = batch.records.map(one => ({
          key: one.key ?? null,
          value: one.value ?? null,
          timestamp: Number(batch.firstTimestamp + one.timestampDelta),
          headers: (one.headers as unknown as [Buffer, Buffer | null][]).map(([name, value]) => [
            String(name),
            value ?? null,
          ]),
        }))
        const sent = records.map(one => ({
          ...one,
          headers: one.headers.map(([name, value]) => [name, asBytes(value)]),
        }))
        expect(found).toEqual(sent)
      }),
      { numRuns: 500 },
    )
  })

  it('never takes more bytes than foretold', () => {
    fc.assert(
      fc.property(fc.array(record(), { minLength: 1, maxLength: 20 }), records => {
        const foretold = records.reduce((sum, one) => sum + recordSize(one), 61)
        expect(batchOf(records).length).toBeLessThanOrEqual(foretold)
      }),
    )
  })
})

describe('a record', () => {
  const context = { firstOffset: '100', firstTimestamp: '0', maxTimestamp: '9', timestampType: 0 }
  const one = (fields: RecordFields) => {
    const batch = batchOf([fields])
    let offset = 61
    while (batch[offset++]! >= 0x80);
    return decodeRecord({ buffer: batch, offset }, { ...context, firstTimestamp: String(fields.timestamp) })
  }

  it('keeps null apart from empty, and every header in its place', () => {
    fc.assert(
      fc.property(record(), fields => {
        const read = one(fields)
        expect(read.key).toEqual(fields.key)
        expect(read.value).toEqual(fields.value)
        expect(read.headerList).toEqual(fields.headers.map(([name, value]) => [name, asBytes(value)]))
        expect([read.offset, read.timestamp]).toEqual(['100', String(fields.timestamp)])
      }),
      { numRuns: 500 },
    )
  })

  it('still shows headers as kafkajs documents them', () => {
    const read = one({
      key: null,
      value: null,
      timestamp: 0,
      headers: [
        ['a', 'x'],
        ['__proto__', null],
        ['a', 'y'],
      ],
    })
    expect(read).toBeInstanceOf(KafkaRecord)
    expect(Object.entries(read.headers)).toEqual([
      ['a', [Buffer.from('x'), Buffer.from('y')]],
      ['__proto__', null],
    ])
  })

  it('that is cut short is an error, not a crash', () => {
    const batch = batchOf([{ key: Buffer.from('k'), value: Buffer.alloc(50), timestamp: 0, headers: [['a', 'b']] }])
    for (let end = 63; end < batch.length; end++)
      expect(() => decodeRecord({ buffer: batch.subarray(0, end), offset: 62 }, context)).toThrow(RangeError)
  })
})
