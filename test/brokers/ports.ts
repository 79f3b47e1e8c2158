import { createServer } from 'node:net'
import { KitError } from './kit-error.ts'

/** Each instance gets a block of this many consecutive ports. */
export const blockSize = 10

// Below the kernel's range for outgoing connections (32768 and up by default): a port from that range may be taken by a
// client between a broker's stop and its start, and a client that reconnects to it may even end up talking to itself.
const first = 24_000
const last = 31_900

export async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  return new Promise(resolve => {
    server.once('error', () => resolve(false))
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () => server.close(() => resolve(true)))
  })
}

export async function isBlockFree(base: number): Promise<boolean> {
  for (let port = base; port < base + blockSize; port++) {
    if (!(await isFree(port))) return false
  }
  return true
}

/** The base of a block whose ports are all free and which none of `claimed` holds. Call it under the kit's lock. */
export async function freeBlock(claimed: ReadonlySet<number>): Promise<number> {
  const blocks = Math.floor((last - first) / blockSize)
  const start = Math.floor(Math.random() * blocks)
  for (let i = 0; i < blocks; i++) {
    const base = first + ((start + i) % blocks) * blockSize
    if (!claimed.has(base) && (await isBlockFree(base))) return base
  }
  throw new KitError(`No ${blockSize} consecutive ports are free between ${first} and ${last}.`)
}
