const M = 0x5bd1e995
const SEED = 0x9747b28c

/** Murmur2 of a key, 32 bits signed, bit for bit as Kafka's Java client computes it (org.apache.kafka.common.utils.Utils). */
export function murmur2(key: Uint8Array): number {
  const { length } = key
  let hash = SEED ^ length
  const whole = length & ~3
  for (let i = 0; i < whole; i += 4) {
    let k = key[i]! | (key[i + 1]! << 8) | (key[i + 2]! << 16) | (key[i + 3]! << 24)
    k = Math.imul(k, M)
    k ^= k >>> 24
    k = Math.imul(k, M)
    hash = Math.imul(hash, M) ^ k
  }
  const rest = length - whole
  if (rest >= 3) hash ^= key[whole + 2]! << 16
  if (rest >= 2) hash ^= key[whole + 1]! << 8
  if (rest >= 1) hash = Math.imul(hash ^ key[whole]!, M)
  hash ^= hash >>> 13
  hash = Math.imul(hash, M)
  return hash ^ (hash >>> 15)
}

/** The partition a Java producer would choose for the key. */
export function partitionOf(key: Uint8Array, partitions: number): number {
  return (murmur2(key) & 0x7fffffff) % partitions
}
