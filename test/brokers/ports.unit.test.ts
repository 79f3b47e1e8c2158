import { type AddressInfo, createServer } from 'node:net'
import { expect, test } from 'vitest'
import { blockSize, freeBlock, isBlockFree, isFree } from './ports.ts'

test('a port that is listened on is not free', async () => {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  expect(await isFree(port)).toBe(false)
  expect(await isBlockFree(port - 3)).toBe(false)
  await new Promise(resolve => server.close(resolve))
  expect(await isFree(port)).toBe(true)
})

test('a block is below the range the kernel takes outgoing ports from, and nobody claims it', async () => {
  const claimed = new Set<number>()
  for (let i = 0; i < 20; i++) {
    const base = await freeBlock(claimed)
    expect(claimed.has(base)).toBe(false)
    expect(base % blockSize).toBe(0)
    expect(base + blockSize).toBeLessThan(32_768)
    claimed.add(base)
  }
})

test('says so when all are claimed', async () => {
  const all = new Set(Array.from({ length: 1000 }, (_, i) => 24_000 + i * blockSize))
  await expect(freeBlock(all)).rejects.toThrow('consecutive ports')
})
