import { randomUUID } from 'node:crypto'
import { createClient } from '@redis/client'
import { describe, expect, it, onTestFinished } from 'vitest'
import { quiet } from '../../src/core/quiet-log.ts'
import { RedisStore, type RedisStoreSettings, redis } from '../../src/stores/redis.ts'
import { RedisLink } from '../../src/stores/redis-link.ts'
import { given } from '../brokers/given.ts'
import { redisUsers } from '../brokers/redis.ts'
import { tls } from '../brokers/tls.ts'
import { storeSuite } from './store-suite.ts'

const KINDS = ['redis', 'valkey'] as const
type RedisKind = (typeof KINDS)[number]
const LEASE = 60_000
const WINDOW = 600_000

const fresh = () => `sluice:test:${randomUUID()}`

function open(kind: RedisKind, settings: Partial<RedisStoreSettings> = {}): Promise<RedisStore> {
  const link = new RedisLink({ url: given(kind).url }, '.')
  return RedisStore.open(link, { name: fresh(), maxKeys: 1_000, aliveMs: 60_000, ...settings })
}

async function plain(kind: RedisKind) {
  const client = createClient({ url: given(kind).url })
  await client.connect()
  onTestFinished(() => client.destroy())
  return client
}

for (const kind of KINDS) {
  storeSuite({
    label: kind,
    runs: 40,
    open: (maxKeys, clock) => open(kind, { maxKeys, now: () => clock.now }),
  })

  describe(`${kind}: gateways that share a store`, () => {
    it('of two that claim the same keys, each key is fresh for one of them', async () => {
      const name = fresh()
      await using a = await open(kind, { name })
      await using b = await open(kind, { name })
      const keys = Array.from({ length: 2_000 }, (_, i) => `k${i}`)
      const answers = await Promise.all(
        [a, b, a, b].map((store, i) => store.claim(keys.slice((i >> 1) * 1_000, (i >> 1) * 1_000 + 1_000), LEASE)),
      )
      for (const half of [0, 1]) {
        const [first, second] = [answers[half * 2]!, answers[half * 2 + 1]!]
        first.forEach((answer, i) => void expect([answer, second[i]].toSorted()).toEqual(['fresh', 'held']))
      }
    })

    it('what one has confirmed is done for the other, what it has forgotten is fresh', async () => {
      const name = fresh()
      await using a = await open(kind, { name })
      await using b = await open(kind, { name })
      await a.claim(['done', 'gone'], LEASE)
      await a.confirm(['done'], WINDOW)
      await a.forget(['gone'])
      expect(await b.claim(['done', 'gone'], LEASE)).toEqual(['done', 'fresh'])
    })

    it('what a living one has claimed is held, and the other cannot forget it', async () => {
      const name = fresh()
      await using a = await open(kind, { name })
      await using b = await open(kind, { name })
      await a.claim(['x'], LEASE)
      await b.forget(['x'])
      expect(await b.claim(['x'], LEASE)).toEqual(['held'])
    })

    it('one that leaves in order leaves nothing claimed', async () => {
      const name = fresh()
      await using b = await open(kind, { name })
      const a = await open(kind, { name })
      await a.claim(['x'], LEASE)
      await a[Symbol.asyncDispose]()
      expect(await b.claim(['x'], LEASE)).toEqual(['fresh'])
    })

    it('claims of one that falls silent are held for its lease, then fresh; its late confirmation still counts', async () => {
      const name = fresh()
      const clock = { now: 1_000_000 }
      const now = () => clock.now
      await using silent = await open(kind, { name, now })
      await using b = await open(kind, { name, now, graceMs: 0 })
      await silent.claim(['x', 'y'], LEASE * 10)
      clock.now += 59_999
      expect(await b.claim(['x', 'y'], LEASE)).toEqual(['held', 'held'])
      clock.now += 1
      expect(await b.claim(['x'], LEASE)).toEqual(['fresh'])
      await silent.confirm(['x', 'y'], WINDOW)
      expect(await b.claim(['x', 'y'], LEASE)).toEqual(['done', 'done'])
    })

    it('it is alive while it has nothing to say', async () => {
      const name = fresh()
      await using quiet = await open(kind, { name, aliveMs: 1_000 })
      await using b = await open(kind, { name, aliveMs: 1_000 })
      await quiet.claim(['x'], LEASE)
      await new Promise(resolve => setTimeout(resolve, 2_500))
      expect(await b.claim(['x'], LEASE)).toEqual(['held'])
    })

    it('who has just come, or come back, does not call the others dead: after an outage all have been silent', async () => {
      const name = fresh()
      const client = await plain(kind)
      await using silent = await open(kind, { name })
      await silent.claim(['x'], LEASE)
      for (const owner of Object.keys(await client.hGetAll(`${name}:owners`)))
        await client.hSet(`${name}:owners`, owner, '1')
      await using b = await open(kind, { name, aliveMs: 1_500 })
      expect(await b.claim(['x'], LEASE)).toEqual(['held'])
      await expect.poll(() => b.claim(['x'], LEASE)).toEqual(['fresh'])
    })

    it('takes away what the dead have left, and nothing of the living', async () => {
      const name = fresh()
      const client = await plain(kind)
      await using dead = await open(kind, { name })
      await dead.claim(['old', 'older'], LEASE)
      await client.del(`${name}:owners`)
      await using living = await open(kind, { name })
      await living.claim(['new'], LEASE)
      await using _ = await open(kind, { name, aliveMs: 300 })
      await expect.poll(() => client.hLen(`${name}:claims`)).toBe(1)
      expect(await living.claim(['new'], LEASE)).toEqual(['held'])
    })
  })

  describe(`${kind}: what is kept`, () => {
    it('everything goes by itself once it is no longer used', async () => {
      const name = fresh()
      const client = await plain(kind)
      await using store = await open(kind, { name })
      await store.claim(['a', 'b'], LEASE)
      await store.confirm(['a'], WINDOW)
      const keys = await client.keys(`${name}:*`)
      expect(keys.length).toBe(4)
      for (const key of keys) expect(await client.pTTL(key)).toBeGreaterThan(WINDOW)
    })

    it('about 150 bytes a key, and no key of a message in plain', async () => {
      const name = fresh()
      const client = await plain(kind)
      await using store = await open(kind, { name, maxKeys: 100_000 })
      for (let i = 0; i < 20; i++) {
        const keys = Array.from({ length: 1_000 }, (_, n) => `customer-${i}-${n}`)
        await store.claim(keys, LEASE)
        await store.confirm(keys, WINDOW)
      }
      let bytes = 0
      for (const key of await client.keys(`${name}:*`)) bytes += (await client.memoryUsage(key)) ?? 0
      console.log(`${kind}: ${Math.round(bytes / 20_000)} bytes a key`)
      expect(bytes / 20_000).toBeLessThan(180)
      expect(Object.keys(await client.hGetAll(`${name}:done`)).join()).not.toContain('customer')
      await client.del(await client.keys(`${name}:*`))
    })
  })

  describe(`${kind}: getting in`, () => {
    const context = { name: 'orders', baseDir: '/', maxKeys: 10, log: quiet }
    const url = (login = '', listener = 'plain', scheme = 'redis') =>
      `${scheme}://${login}${given(kind).listeners[listener]}`

    it('by name, as a user who may do no more than it needs', async () => {
      const prefix = `${fresh()}:`
      await using store = await redis.open({ url: url(`sluice:${redisUsers.sluice}@`), prefix }, context)
      expect(await store.claim(['a'], LEASE)).toEqual(['fresh'])
      await store.confirm(['a'], WINDOW)
      await store.forget(['a'])
      expect(await store.claim(['a'], LEASE)).toEqual(['done'])
    })

    it('a wrong password, and a prefix that the user may not touch, are said plainly', async () => {
      const wrong = redis.open({ url: url('sluice:not-the-password@') }, context)
      await expect(wrong).rejects.toMatchObject({ code: 'AUTH_FAILED', fate: 'fatal' })
      await expect(wrong).rejects.not.toThrow(/not-the-password/)
      const elsewhere = redis.open({ url: url(`sluice:${redisUsers.sluice}@`), prefix: 'other:' }, context)
      await expect(elsewhere).rejects.toMatchObject({ code: 'ACCESS_DENIED', fate: 'fatal' })
    })

    it('over TLS, with an authority of its own and a client certificate', async () => {
      const [host, port] = given(kind).listeners['tls']!.split(':')
      const secure = `rediss://localhost:${port}`
      const { cert, key } = tls.client
      expect(host).toBe('127.0.0.1')
      await using store = await redis.open(
        { url: secure, prefix: `${fresh()}:`, tls: { ca: tls.ca, cert, key } },
        context,
      )
      expect(await store.claim(['a'], LEASE)).toEqual(['fresh'])
      await expect(redis.open({ url: secure }, context)).rejects.toMatchObject({ code: 'TLS_FAILED' })
      await expect(redis.open({ url: secure, tls: { ca: 'nowhere.crt' } }, context)).rejects.toMatchObject({
        code: 'OPTIONS_INVALID',
      })
    })

    it('nobody there, or nobody who answers, is an answer within the time-out', async () => {
      await expect(redis.open({ url: 'redis://127.0.0.1:9' }, context)).rejects.toMatchObject({
        code: 'STORE_AWAY',
        fate: 'retry',
      })
    })
  })
}
