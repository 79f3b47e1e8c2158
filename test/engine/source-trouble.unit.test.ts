import { afterEach, describe, expect, test, vi } from 'vitest'
import { SluiceError } from '../../src/core/errors.ts'
import type { Source } from '../../src/core/ports.ts'
import { Lab, route, until } from './lab.ts'
import { forever, Handed, never, type Script, scripted, sourceOf } from './scripted.ts'

/** A gateway that reads from sources the test makes, one after the other. */
function start(open: (number: number, signal: AbortSignal) => Promise<Source>, rest: Script = {}) {
  let opened = 0
  const odd = scripted('odd', { source: (_context, signal) => open(++opened, signal), ...rest })
  const lab = new Lab({ plugins: [odd.plugin], connections: [odd.connection] })
  const { gateway } = lab.start([route({ from: { connection: 'odd', options: {} } })])
  return { lab, gateway, opened: () => opened, status: () => gateway.status[0]! }
}

const quiet = (rest: Partial<Source> = {}) =>
  sourceOf(async function* (signal) {
    await forever(signal)
    yield* []
  }, rest)

describe('a source', () => {
  // Was: opened again at once, for ever, and never closed.
  test('that ends by itself is closed and opened again, with backoff, and the route says so', async () => {
    let closed = 0
    const rig = start(async number =>
      number > 3
        ? quiet()
        : sourceOf(
            async function* () {
              yield [new Handed({ id: `m${number}` })]
            },
            {
              async [Symbol.asyncDispose]() {
                closed++
              },
            },
          ),
    )
    await until('opened thrice and once more', () => rig.opened() === 4)
    await until('it runs', () => rig.status().state === 'running')
    expect(closed).toBe(3)
    expect(rig.lab.log.lines.filter(line => line.includes('ended by itself')).length).toBe(3)
    await rig.gateway.stop(1_000)
    expect(new Set(rig.lab.stored())).toEqual(new Set(['m1', 'm2', 'm3']))
  })

  test.each<[string, () => Source]>([
    [
      'throws when it is read',
      () =>
        sourceOf(() => {
          throw new TypeError('broken driver')
        }),
    ],
    [
      'throws between two batches',
      () =>
        sourceOf(async function* () {
          yield [new Handed()]
          throw new TypeError('broken driver')
        }),
    ],
    ['gives something that cannot be read', () => sourceOf(() => ({}) as never)],
  ])('that %s is opened again', async (_, make) => {
    const rig = start(async number => (number === 1 ? make() : quiet()))
    await until('opened again', () => rig.opened() === 2)
    await until('it runs', () => rig.status().state === 'running')
    await rig.gateway.stop(1_000)
    expect(rig.status().state).toBe('ended')
  })

  test('that refuses for good blocks the route, and the others run', async () => {
    const odd = scripted('odd', {
      source: async () => {
        throw new SluiceError('AUTH_FAILED', 'wrong password')
      },
    })
    const lab = new Lab({ plugins: [odd.plugin], connections: [odd.connection] })
    lab.send()
    const { gateway } = lab.start([route({ name: 'odd', from: { connection: 'odd', options: {} } }), route()])
    await until('blocked', () => gateway.status[0]!.state === 'blocked')
    await until('the other runs', () => lab.here.contents('in').length === 0)
    expect(gateway.status[0]!.conditions).toMatchObject([{ part: 'source', code: 'AUTH_FAILED' }])
    expect(lab.log.lines.filter(line => line.includes('wrong password')).length).toBe(1)
    await gateway.stop(1_000)
  })

  test('that never opens does not keep the gateway from stopping', async () => {
    const rig = start(() => never())
    await until('asked', () => rig.opened() === 1)
    await inTime(rig.gateway.stop(1_000))
    expect(rig.status().state).toBe('ended')
  })

  test('that opens after the end is closed', async () => {
    const late = Promise.withResolvers<Source>()
    let closed = false
    const rig = start(() => late.promise)
    await until('asked', () => rig.opened() === 1)
    await inTime(rig.gateway.stop(1_000))
    late.resolve(quiet({ [Symbol.asyncDispose]: async () => void (closed = true) }))
    await until('closed', () => closed)
  })

  test('that does not end when it is told to is left', async () => {
    const rig = start(async () =>
      sourceOf(async function* () {
        yield [new Handed()]
        await never()
      }),
    )
    await until('delivered', () => rig.lab.stored().length === 1)
    await inTime(rig.gateway.stop(1_000))
  })

  test('that goes on yielding after it was told to end is left', async () => {
    let yielded = 0
    const rig = start(async () =>
      sourceOf(async function* () {
        for (;;) {
          yield [new Handed({ id: `m${yielded++}` })]
          await new Promise(resolve => setImmediate(resolve))
        }
      }),
    )
    await until('delivered', () => rig.lab.stored().length > 10)
    await inTime(rig.gateway.stop(5_000), 4_500)
    const before = yielded
    await new Promise(resolve => setTimeout(resolve, 50))
    expect(yielded).toBe(before)
  })

  test.each<[string, () => Promise<void>]>([
    ['throws', async () => Promise.reject(new Error('cannot close'))],
    ['hangs', () => never()],
  ])('whose closing %s does not keep the gateway from stopping', async (_, dispose) => {
    const rig = start(async () => quiet({ [Symbol.asyncDispose]: dispose }), { dispose })
    await until('it runs', () => rig.status().state === 'running')
    await inTime(rig.gateway.stop(1_000))
    expect(rig.status().state).toBe('ended')
    expect(rig.lab.log.lines.some(line => line.includes('closing'))).toBe(true)
  })
})

describe('a source with lag that delivers nothing', () => {
  afterEach(() => void vi.useRealTimers())

  test.each<[string, (signal: AbortSignal) => Promise<void>]>([
    ['ends when told to', forever],
    // What is stuck need not hear.
    ['does not even end', () => never()],
  ])('and %s is rebuilt after a minute', async (_, wait) => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] })
    const rig = start(async number =>
      number > 1
        ? quiet()
        : sourceOf(
            async function* (signal) {
              await wait(signal)
              yield* []
            },
            { lag: async () => 9 },
          ),
    )
    await until('it runs', () => rig.status().state === 'running')
    await vi.advanceTimersByTimeAsync(30_000)
    expect(rig.status().lag).toBe(9)
    expect(rig.opened()).toBe(1)
    await vi.advanceTimersByTimeAsync(40_000)
    await until('rebuilt', () => rig.opened() === 2)
    expect(rig.lab.log.lines[0]).toContain('9 messages wait in the source')
    await rig.gateway.stop(1_000)
  })
})

/** Fails when the gateway takes longer to stop than it may. */
async function inTime(stopping: Promise<void>, ms = 15_000): Promise<void> {
  const began = performance.now()
  await stopping
  expect(performance.now() - began).toBeLessThan(ms)
}
