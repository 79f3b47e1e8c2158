import { afterAll, describe, expect, it } from 'vitest'
import { quiet } from '../../src/core/quiet-log.ts'
import { conformance } from '../conformance/index.ts'
import { message, thrown } from '../core/sample.ts'
import { make, one } from '../transforms/transform.ts'
import { example } from './example.ts'
import { MANY_FILES, ONE_READER, spoolTestbed } from './spool.ts'

describe('the transform of docs/plugins.md', async () => {
  const [stamp] = (await example('stamp.ts')).transforms!

  it('does what it says', () => {
    const transform = one(stamp!, { header: 'user', value: '${body.user}' })
    expect(transform(message({ body: { user: 'u-1' } })).headers.get('user')).toBe('u-1')
    expect(thrown(() => transform(message({ body: { user: 1 } }))).code).toBe('TRANSFORM_FAILED')
    expect(make(stamp!, { header: 'user', value: 'skip' })(message())).toBeUndefined()
    expect(thrown(() => one(stamp!, { header: 'user', value: '${bodi}' })).code).toBe('OPTIONS_INVALID')
  })
})

describe('the store of docs/plugins.md', async () => {
  const [store] = (await example('map-store.ts')).stores!
  const open = (maxKeys: number) => {
    return store!.open({}, { name: 'orders', baseDir: import.meta.dirname, maxKeys, log: quiet })
  }

  it('has two phases', async () => {
    await using opened = await open(10)
    expect(await opened.claim(['a', 'b', 'a'], 1_000)).toEqual(['fresh', 'fresh', 'held'])
    await opened.confirm(['a'], 60_000)
    await opened.forget(['b'])
    expect(await opened.claim(['a', 'b'], 1_000)).toEqual(['done', 'fresh'])
  })

  it('forgets the oldest first', async () => {
    await using opened = await open(2)
    await opened.confirm(['a', 'b', 'a', 'c'], 60_000)
    expect(await opened.claim(['a', 'b', 'c'], 1_000)).toEqual(['done', 'fresh', 'done'])
  })
})

describe('the driver of docs/plugins.md', async () => {
  const [driver] = (await example('spool.ts')).drivers!
  const testbed = spoolTestbed()
  afterAll(() => testbed[Symbol.dispose]())
  conformance({ driver: driver!, testbed, except: MANY_FILES, skip: [ONE_READER], runner: { describe, it } })
})
