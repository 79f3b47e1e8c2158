import { expect, it } from 'vitest'
import { murmur2, partitionOf } from '../../../src/drivers/kafka/murmur2.ts'

// What org.apache.kafka.common.utils.Utils.murmur2 of kafka-clients 4.4.0 says. Lengths 0 to 12 with high bytes, then text.
const JAVA: readonly (readonly [hex: string, hash: number])[] = [
  ['', 275646681],
  ['c9', 1279037197],
  ['caef', 504925192],
  ['cbf015', -1113549760],
  ['ccf1163b', -1131504817],
  ['cdf2173c61', -29731335],
  ['cef3183d6287', 534174939],
  ['cff4193e6388ad', 611733586],
  ['d0f51a3f6489aed3', 1080745374],
  ['d1f61b40658aafd4f9', 1443944286],
  ['d2f71c41668bb0d5fa1f', 1416677868],
  ['d3f81d42678cb1d6fb2045', 553978403],
  ['d4f91e43688db2d7fc21466b', -1728226700],
  ['3231', -973932308],
  ['666f6f626172', -790332482],
  ['612d6c6974746c652d6269742d6c6f6e672d737472696e67', -985981536],
  ['6c6b6a683233346c68396669756839307932336f697568736166756a6861646f66323239706872396831396838396838', -58897971],
  ['6bc3a4736520e4b896e7958c', -1237611411],
]

it.each(JAVA)('murmur2 of %s is what Java computes', (hex, hash) => {
  const key = Buffer.from(hex, 'hex')
  expect(murmur2(key)).toBe(hash)
  expect(partitionOf(key, 7)).toBe((hash & 0x7fffffff) % 7)
})
