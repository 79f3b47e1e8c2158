import { hash } from 'node:crypto'

/** Bytes of a digest: 128 bits of SHA-256, so that among a billion keys a chance collision has odds of 1 in 10^20. */
export const DIGEST_BYTES = 16

/** A fixed-size stand-in for a key of any length: one latin1 (`binary`) character per byte. */
export function digestOf(key: string): string {
  // UTF-8 has no form for a lone surrogate: two such keys would become the same bytes.
  const content = key.isWellFormed() ? key : Buffer.concat([Buffer.of(0xff), Buffer.from(key, 'utf16le')])
  return hash('sha256', content, 'binary').slice(0, DIGEST_BYTES)
}
