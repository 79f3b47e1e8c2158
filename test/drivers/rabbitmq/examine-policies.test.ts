import { isDeepStrictEqual } from 'node:util'
import { describe, expect, it } from 'vitest'
import { given } from '../../brokers/given.ts'
import { findings } from '../findings.ts'
import { eventually, KINDS, type RabbitKind, Workbench } from './workbench.ts'

const open = (kind: RabbitKind, more: object = {}) =>
  Workbench.open(kind, { management: given(kind).management!.url, ...more })

/** A policy for one queue, in force; gone with the returned. */
async function policy(bench: Workbench, queue: string, definition: object): Promise<AsyncDisposable> {
  const path = `/api/policies/%2F/${queue}`
  const body = { pattern: `^${queue.replaceAll('.', '\\.')}$`, definition, 'apply-to': 'queues' }
  await bench.management('PUT', path, body)
  // The API tells it a moment later.
  await eventually(async () => {
    const told = (await bench.management('GET', `/api/queues/%2F/${queue}`)) as { effective_policy_definition?: object }
    return isDeepStrictEqual(told.effective_policy_definition, definition) ? true : undefined
  })
  return {
    async [Symbol.asyncDispose]() {
      await bench.management('DELETE', path)
    },
  }
}

describe.each(KINDS)('what doctor sees of %s by its management API', kind => {
  it('sees limits that a policy sets, and where messages go then', async () => {
    await using bench = await open(kind)
    const queue = await bench.queue({ arguments: { 'x-queue-type': 'quorum' } })
    const of = () => findings(bench, 'source', { queue, type: 'quorum' })
    {
      await using _ = await policy(bench, queue, { 'delivery-limit': 3, 'message-ttl': 90_000, 'max-length': 7 })
      expect(await of()).toEqual([
        `ok queue "${queue}": it is there (quorum)`,
        expect.stringMatching(/^warn .*delivered 3 times is dropped \(policy "/),
        expect.stringMatching(/^warn .*wait longer than 90s are dropped \(policy "/),
        expect.stringMatching(/^warn .*the oldest of more than 7 messages are dropped \(policy "/),
        expect.stringMatching(/^unseen .*no argument or policy sets its consumer_timeout/),
      ])
    }
    const kept = {
      'delivery-limit': 3,
      'message-ttl': 90_000,
      'dead-letter-exchange': 'amq.fanout',
      expires: 3_600_000,
    }
    await using _ = await policy(bench, queue, kept)
    expect(await of()).toEqual([
      `ok queue "${queue}": it is there (quorum)`,
      expect.stringMatching(/^ok .*delivered 3 times .* goes to its dead-letter exchange "amq.fanout"/),
      expect.stringMatching(/^ok .*wait longer than 90s go to its dead-letter exchange "amq.fanout"/),
      expect.stringMatching(/^warn .*deleted .* nobody has used it for 1h \(policy "/),
      expect.stringMatching(/^unseen .*consumer_timeout/),
    ])
  })

  it('sees arguments, and that an exchange for dead letters is not there', async () => {
    await using bench = await open(kind)
    const args = { 'x-max-length-bytes': 1_000, 'x-overflow': 'reject-publish', 'x-dead-letter-exchange': 'nowhere' }
    const queue = await bench.queue({ arguments: args })
    expect((await findings(bench, 'sink', { queue })).slice(0, 3)).toEqual([
      `ok queue "${queue}": it is there (classic)`,
      expect.stringMatching(/^ok .*refuses more than 1000 bytes \(x-max-length-bytes, reject-publish\)/),
      expect.stringMatching(/^warn .*dead-letter exchange "nowhere" does not exist/),
    ])
  })

  it('knows the delivery limit that nobody set', async () => {
    await using bench = await open(kind)
    const queue = await bench.queue({ arguments: { 'x-queue-type': 'quorum' } })
    const drops = /^warn .*delivered 20 times is dropped \(the default of RabbitMQ 4\)/
    expect(await findings(bench, 'source', { queue })).toContainEqual(
      expect.stringMatching(kind === 'rabbitmq4' ? drops : /^ok .*no delivery limit$/),
    )
  })

  it('of a login that is refused says so without the password, and looks over AMQP', async () => {
    const url = given(kind).management!.url.replace('://', '://guest:not-the-password@')
    await using bench = await open(kind, { management: url })
    const queue = await bench.queue({ arguments: { 'x-queue-type': 'stream' } })
    const found = await findings(bench, 'source', { queue })
    expect(found[0]).toMatch(/^warn management: AUTH_FAILED: the management API at 127\.0\.0\.1:\d+ answers 401/)
    expect(found[1]).toBe(`ok queue "${queue}": it is there (stream)`)
    expect(found.join()).not.toContain('not-the-password')
  })
})

it('compares the consumer_timeout of a queue with that of the source', async () => {
  await using bench = await open('rabbitmq4')
  const queue = await bench.queue({ arguments: { 'x-consumer-timeout': 3_600_000 } })
  const last = async (options: object) => (await findings(bench, 'source', { queue, ...options })).at(-1)
  expect(await last({})).toMatch(
    /^ok .*consumer_timeout is 1h \(x-consumer-timeout\), and Sluice gives back before 30m/,
  )
  expect(await last({ consumerTimeout: '2h' })).toMatch(
    /^warn .*consumer_timeout is 1h .* goes by 2h: the broker closes/,
  )
  await using _ = await policy(bench, queue, { 'consumer-timeout': 600_000 })
  expect(await last({})).toMatch(/^warn .*consumer_timeout is 10m \(policy "/)
})
