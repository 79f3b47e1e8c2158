import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { SluiceError } from '../../src/core/errors.ts'
import type { Transform, TransformResult } from '../../src/core/ports.ts'
import { guard } from '../../src/engine/guard.ts'
import { message, thrown } from '../core/sample.ts'

const ONE = message()
const OPTIONS = { name: 'mask', timeoutMs: 1_000 }
const answer = (value: unknown): Transform => guard(() => value as TransformResult, OPTIONS)

describe('a transform that answers at once', () => {
  it('makes no promise', () => {
    expect(answer(ONE)(ONE)).toBe(ONE)
    expect(answer(undefined)(ONE)).toBeUndefined()
    const list = [ONE, ONE]
    expect(answer(list)(ONE)).toBe(list)
  })

  it('and throws makes poison, with its own words', () => {
    const throwing = guard(() => {
      throw new TypeError('no card')
    }, OPTIONS)
    const error = thrown(() => throwing(ONE)) as unknown as SluiceError
    expect(error).toMatchObject({ code: 'TRANSFORM_FAILED', fate: 'poison', message: '"mask" threw: no card' })
    expect(error.cause).toBeInstanceOf(TypeError)
  })

  it('and throws a SluiceError decides the fate itself', () => {
    const again = new SluiceError('TRANSFORM_AGAIN', 'the service is away')
    const throwing = guard(() => {
      throw again
    }, OPTIONS)
    expect(thrown(() => throwing(ONE))).toBe(again)
  })

  it.each<[string, unknown, RegExp]>([
    ['null', null, /not null/],
    ['a boolean', true, /not a boolean/],
    ['an object', {}, /not an object that is no message/],
    ['a list with a stranger', [ONE, 5], /not a list with a number in it/],
    ['a key of the wrong type', Object.assign(Object.create(ONE), { key: 5 }), /field of the wrong type/],
    ['text for bytes', { ...shape(), bytes: 'text' }, /field of the wrong type/],
    ['a plain object for headers', { ...shape(), headers: {} }, /field of the wrong type/],
  ])('and gives %s makes poison', (_, value, words) => {
    const error = thrown(() => answer(value)(ONE))
    expect(error.code).toBe('TRANSFORM_FAILED')
    expect(error.message).toMatch(words)
  })

  it('may give a message of another copy of this package', () => {
    const foreign = shape()
    expect(answer(foreign)(ONE)).toBe(foreign)
  })
})

describe('a transform that answers later', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  it('in time is waited for, and leaves no timer behind', async () => {
    expect(await guard(async () => ONE, OPTIONS)(ONE)).toBe(ONE)
    await expect(guard(async () => Promise.reject(new Error('x')), OPTIONS)(ONE)).rejects.toMatchObject({
      code: 'TRANSFORM_FAILED',
    })
    await expect(guard(async () => 5 as never, OPTIONS)(ONE)).rejects.toMatchObject({ code: 'TRANSFORM_FAILED' })
    expect(vi.getTimerCount()).toBe(0)
  })

  it('never is cut', async () => {
    const hung = Promise.resolve(guard(() => new Promise(() => {}), OPTIONS)(ONE))
    const outcome = expect(hung).rejects.toMatchObject({
      code: 'TRANSFORM_HUNG',
      fate: 'poison',
      message: '"mask" did not answer within 1000 ms',
    })
    await vi.advanceTimersByTimeAsync(999)
    expect(vi.getTimerCount()).toBe(1)
    await vi.advanceTimersByTimeAsync(1)
    await outcome
  })

  it('is never cut with a time-out of 0', async () => {
    const late = Promise.withResolvers<TransformResult>()
    const call = guard(() => late.promise, { ...OPTIONS, timeoutMs: 0 })(ONE)
    await vi.advanceTimersByTimeAsync(3_600_000)
    late.resolve(ONE)
    expect(await call).toBe(ONE)
  })

  it.each([
    ['answers', (late: PromiseWithResolvers<TransformResult>) => late.resolve(ONE)],
    ['fails', (late: PromiseWithResolvers<TransformResult>) => late.reject(new Error('late'))],
  ])('%s after it was cut, and nobody is disturbed', async (_, finish) => {
    const late = Promise.withResolvers<TransformResult>()
    const call = guard(() => late.promise, OPTIONS)(ONE)
    const outcome = expect(call).rejects.toMatchObject({ code: 'TRANSFORM_HUNG' })
    await vi.advanceTimersByTimeAsync(1_000)
    await outcome
    finish(late)
    await vi.advanceTimersByTimeAsync(0)
  })
})

// What a message of another copy of the package looks like from here.
function shape() {
  const { key, subject, headers, bytes, source } = ONE
  return { key, subject, headers: { entries: headers.entries }, bytes, source, with: () => ONE }
}
