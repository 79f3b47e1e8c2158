import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { Headers } from '../../src/core/headers.ts'
import { Message } from '../../src/core/message.ts'
import type { Connection, EndpointContext } from '../../src/core/ports.ts'
import { quiet } from '../../src/core/quiet-log.ts'
import { memory } from '../../src/drivers/memory/driver.ts'
import { DEAD_LETTER_HEADERS as H } from '../../src/engine/dead-letter.ts'
import { command, folder } from './sluice.ts'

const context: EndpointContext = { route: 'test', inFlight: 100, inFlightBytes: 1e6, log: quiet, status: () => {} }
const forever = new AbortController().signal

/** A box of dead letters on a broker of its own, in this process. */
class Box {
  readonly broker = `dlq-${randomUUID().slice(0, 8)}`
  readonly dir: string
  readonly #connection: Connection = memory.connect(
    { url: `memory://${this.broker}` },
    { name: 'a', log: quiet, baseDir: '.' },
  )

  /** `gone`: the dead-letter queue is not there. */
  constructor(gone = false) {
    this.dir = folder({
      'routes.yaml': `version: 1
connections:
  a: { url: "memory://${this.broker}" }
${gone ? `  b: { url: "memory://${this.broker}-b", faults: { missing: true } }` : ''}
routes:
  orders:
    from: { connection: a, address: in }
    transform: [{ filter: "\${body.kind != 'free'}" }]
    to: { connection: a, address: out }
    deadLetter: { connection: ${gone ? 'b' : 'a'}, address: dead }
`,
    })
  }

  run(...args: string[]) {
    return command(['dlq', ...args], this.dir)
  }

  async put(id: string, reason: string, minutesAgo: number, body = '{"kind":"order"}'): Promise<void> {
    const time = new Date(Date.now() - minutesAgo * 60_000).toISOString()
    const facts = {
      [H.route]: 'orders',
      [H.code]: reason,
      [H.message]: 'because',
      [H.stage]: 'validate',
      [H.attempts]: 1,
      [H.first]: time,
      [H.last]: time,
      [H.id]: id,
      [H.subject]: 'order.new',
      [H.connection]: 'a',
      [H.address]: 'in',
      [H.position]: '7',
    }
    await using sink = await this.#connection.sink({ address: 'dead' }, context, forever)
    const message = new Message({
      id,
      key: 'user-1',
      subject: 'dead',
      headers: Headers.of({ region: 'eu', ...facts }),
      bytes: Buffer.from(body),
      timestamp: 1_700_000_000_000,
      properties: {},
      source: { connection: 'a', address: 'in', sequence: 'in', position: '7', attempt: 1 },
    })
    expect(await sink.publish([message], forever)).toEqual([null])
  }

  /** Takes what has arrived at an address. */
  async take(address: string, count: number): Promise<Message[]> {
    const messages: Message[] = []
    const stop = new AbortController()
    await using source = await this.#connection.source({ address }, context, forever)
    for await (const batch of source.receive(stop.signal)) {
      for (const delivery of batch) {
        messages.push(delivery.message)
        delivery.ack()
      }
      if (messages.length >= count) stop.abort()
    }
    return messages
  }
}

async function filled(): Promise<Box> {
  const box = new Box()
  await box.put('m-1', 'VALIDATION_FAILED', 120)
  await box.put('m-2', 'TOO_LARGE', 60)
  await box.put('m-3', 'VALIDATION_FAILED', 1)
  return box
}

describe('dlq list', () => {
  test('shows one line per dead letter, oldest first', async () => {
    const { code, stdout, stderr } = await (await filled()).run('list', 'orders')
    expect([code, stderr]).toEqual([0, '3 dead letters.\n'])
    const lines = stdout.trim().split('\n')
    expect(lines.map(line => /id=(\S+)/.exec(line)![1])).toEqual(['m-1', 'm-2', 'm-3'])
    expect(lines[0]).toMatch(/^\d{4}-\d\d-\d\dT[\d:]{8}Z {2}VALIDATION_FAILED {3}id=m-1 key=user-1 16 B {2}because$/)
  })

  test.each([
    [['--reason', 'TOO_LARGE'], ['m-2']],
    [
      ['--reason', 'TOO_LARGE', '--reason', 'VALIDATION_FAILED', '--limit', '2'],
      ['m-1', 'm-2'],
    ],
    [
      ['--older-than', '30m'],
      ['m-1', 'm-2'],
    ],
    [
      ['--newer-than', '90m'],
      ['m-2', 'm-3'],
    ],
    [
      ['--id', 'm-3', '--id', 'm-1'],
      ['m-1', 'm-3'],
    ],
  ])('%j', async (filter, ids) => {
    const { stdout } = await (await filled()).run('list', 'orders', '--json', ...filter)
    const letters = stdout
      .trim()
      .split('\n')
      .map(line => JSON.parse(line) as { id: string })
    expect(letters.map(letter => letter.id)).toEqual(ids)
  })

  test('of a route that never had any says so', async () => {
    const box = new Box(true)
    const { code, stdout, stderr } = await box.run('list', 'orders')
    expect([code, stdout]).toEqual([0, ''])
    expect(stderr).toMatch(/^0 dead letters: .*"dead" does not exist/)
  })

  test('of a route that is not there says which are', async () => {
    const { code, stderr } = await (await filled()).run('list', 'ordres')
    expect([code, stderr]).toEqual([2, 'error: there is no route "ordres"\n  hint: routes.yaml has orders.\n'])
  })

  test('leaves them where they are', async () => {
    const box = await filled()
    await box.run('list', 'orders')
    expect((await box.run('list', 'orders')).stdout.trim().split('\n')).toHaveLength(3)
  })
})

test('dlq show shows everything, and no control character reaches the terminal', async () => {
  const box = new Box()
  await box.put('m-1', 'BODY_INVALID', 5, 'not json \x1b[31m\x07 at all')
  const { stdout } = await box.run('show', 'orders', '--id', 'm-1')
  for (const fact of [
    'BODY_INVALID: because',
    'validate',
    'a in at 7',
    'order.new',
    'user-1',
    'header    region: eu',
    '22 bytes',
    'not json',
  ])
    expect(stdout).toContain(fact)
  expect(stdout).not.toContain('\x1b')
  expect(JSON.parse((await box.run('show', 'orders', '--json')).stdout)).toMatchObject({
    id: 'm-1',
    body: 'not json \x1b[31m\x07 at all',
    headers: [['region', 'eu']],
  })
})

describe('dlq redrive', () => {
  test('sends what matches through the route again, with a header set on the way', async () => {
    const box = await filled()
    const { code, stdout } = await box.run(
      'redrive',
      'orders',
      '--reason',
      'VALIDATION_FAILED',
      '--set-header',
      'repaired=yes',
    )
    expect([code, stdout]).toEqual([0, '2 of 2 matching dead letters redriven (3 seen).\n'])
    const arrived = await box.take('out', 2)
    expect(arrived.map(message => [message.headers.text('repaired'), message.headers.text('region')])).toEqual([
      ['yes', 'eu'],
      ['yes', 'eu'],
    ])
    expect((await box.run('list', 'orders', '--json')).stdout).toMatch(/^\{"id":"m-2"[^\n]*\n$/)
  })

  test('as a dry run sends nothing', async () => {
    const box = await filled()
    expect((await box.run('redrive', 'orders', '--dry-run', '--older-than', '30m')).stdout).toBe(
      '2 of 3 dead letters would be redriven.\n',
    )
    expect((await box.run('list', 'orders')).stderr).toBe('3 dead letters.\n')
  })

  test('exits 1 when something failed again, which is a dead letter once more', async () => {
    const box = new Box()
    await box.put('m-1', 'EXPRESSION_FAILED', 5, '{"no":"kind"}')
    const { code, stdout } = await box.run('redrive', 'orders')
    expect([code, stdout]).toEqual([1, '0 of 1 matching dead letters redriven, 1 failed again (1 seen).\n'])
    expect((await box.run('list', 'orders')).stdout).toContain('EXPRESSION_FAILED')
  })
})

test('dlq purge removes what matches and nothing else', async () => {
  const box = await filled()
  expect((await box.run('purge', 'orders', '--reason', 'TOO_LARGE')).stdout).toBe(
    '1 of 1 matching dead letters purged (3 seen).\n',
  )
  expect((await box.run('list', 'orders')).stderr).toBe('2 dead letters.\n')
  expect((await box.run('purge', 'orders', '--all', '--json')).stdout).toBe(
    '{"seen":2,"matched":2,"done":2,"failed":0}\n',
  )
  expect((await box.run('list', 'orders')).stderr).toBe('0 dead letters.\n')
})
