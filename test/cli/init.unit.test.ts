import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { describe, expect, test } from 'vitest'
import { BROKERS } from '../../src/app/init/brokers.ts'
import { Questions } from '../../src/cli/questions.ts'
import { SluiceError } from '../../src/core/errors.ts'
import { command, folder } from './sluice.ts'

const NAMES = Object.keys(BROKERS)
const PAIRS = NAMES.flatMap(from => NAMES.map(to => [from, to] as const))

const init = (dir: string, ...args: string[]) => command(['init', ...args, '-c', join(dir, 'routes.yaml')], folder())

describe('init', () => {
  test('writes for every pair of brokers what check accepts', async () => {
    for (const [from, to] of PAIRS) {
      const dir = folder()
      const written = await init(dir, '--from', from, '--to', to, '--yes')
      expect([from, to, written.code]).toEqual([from, to, 0])
      const checked = await command(['check', '--json'], dir)
      expect([from, to, JSON.parse(checked.stdout).problems]).toEqual([from, to, []])
    }
  })

  test('writes tests that pass', async () => {
    for (const [at, from] of NAMES.entries()) {
      const dir = folder()
      const to = NAMES[(at + 1) % NAMES.length]!
      await init(dir, '--from', from, '--to', to, '--yes')
      const { stdout } = await command(['test', join(dir, 'routes.test.yaml')], dir)
      expect([from, to, stdout.split('\n').at(-2)]).toEqual([from, to, '2 passed, 0 failed'])
    }
  })

  test('says what to do next', async () => {
    const { stdout } = await init(folder(), '--from', 'rabbitmq', '--to', 'kafka', '--yes')
    expect(stdout).toMatch(/RABBITMQ_URL, KAFKA_URL in the environment/)
    for (const next of ['check', 'test', 'doctor', 'run']) expect(stdout).toMatch(new RegExp(`sluice ${next}`))
  })

  test('takes names and urls, and tells two clusters of one kind apart', async () => {
    const dir = folder()
    const places = [
      '--source',
      'shop.orders',
      '--target',
      'lake',
      '--route',
      'to-lake',
      '--to-url',
      'kafka://other:9092',
    ]
    expect((await init(dir, '--from', 'kafka', '--to', 'kafka', ...places)).code).toBe(0)
    const config = readFileSync(join(dir, 'routes.yaml'), 'utf8')
    expect(config).toMatch(/kafka-source:\n {4}url: '\$\{env\.\?KAFKA_SOURCE_URL/)
    expect(config).toMatch(/kafka-target:\n {4}url: '\$\{env\.\?KAFKA_TARGET_URL\.orValue\("kafka:\/\/other:9092"\)/)
    expect(config).toMatch(/ {2}to-lake:\n {4}from:\n {6}connection: kafka-source\n {6}topic: shop\.orders\n/)
    expect((await command(['check'], dir)).code).toBe(0)
  })

  test('overwrites nothing without --force, and leaves the folder as it was', async () => {
    const dir = folder({ 'routes.test.yaml': 'mine' })
    const refused = await init(dir, '--from', 'nats', '--to', 'kafka', '--yes')
    expect([refused.code, refused.stderr]).toEqual([
      2,
      expect.stringMatching(/routes\.test\.yaml exists already\n.*--force/),
    ])
    expect(() => readFileSync(join(dir, 'routes.yaml'))).toThrow(/ENOENT/)
    expect((await init(dir, '--from', 'nats', '--to', 'kafka', '--yes', '--force')).code).toBe(0)
    expect(readFileSync(join(dir, 'routes.test.yaml'), 'utf8')).not.toBe('mine')
  })

  test.each([
    [['--to', 'kafka', '--yes'], /--from is missing\n.*rabbitmq, kafka, jetstream, nats, pulsar/],
    [['--from', 'kafak', '--to', 'kafka'], /kafak/],
    [['--from', 'kafka', '--to', 'nats', '--source', 'a b'], /"a b" cannot be used as a name/],
    [['--from', 'kafka', '--to', 'nats', '--from-url', 'amqp://x'], /does not begin with kafka:\/\//],
    [['--from', 'kafka', '--to', 'nats', '--to-url', 'nats://me:hunter22@x'], /holds a password/],
  ])('refuses %j', async (args, message) => {
    const dir = folder()
    const { code, stderr } = await init(dir, ...args)
    expect(stderr).toMatch(message)
    expect(stderr).not.toContain('hunter22')
    expect(code).toBe(2)
    expect(() => readFileSync(join(dir, 'routes.yaml'))).toThrow(/ENOENT/)
  })
})

describe('questions', () => {
  const choices = [
    ['kafka', 'Kafka'],
    ['nats', 'NATS'],
  ] as const
  const missing = new SluiceError('OPTIONS_INVALID', 'missing')

  const asked = (lines: string) => {
    const input = new PassThrough()
    const output = new PassThrough()
    const questions = new Questions(true, { input, output })
    input.write(lines)
    return { questions, input, shown: text(output), end: () => output.end() }
  }

  test('a choice is a number or a name, and what is neither is asked for again', async () => {
    const { questions, input, shown, end } = asked('3\n')
    const first = questions.choose('Which?', choices, missing)
    setImmediate(() => input.write('NATS\n'))
    expect(await first).toBe('nats')
    const second = questions.choose('Which?', choices, missing)
    input.write('1\n')
    expect(await second).toBe('kafka')
    questions[Symbol.dispose]()
    end()
    expect(await shown).toMatch(/Which\?\n {2}1 {2}kafka.*\n {2}2 {2}nats/)
  })

  test('an empty answer is the default', async () => {
    const { questions, input } = asked('')
    const empty = questions.text('Name?', 'orders')
    input.write('\n')
    expect(await empty).toBe('orders')
    const other = questions.text('Name?', 'orders')
    input.write(' mine \n')
    expect(await other).toBe('mine')
    questions[Symbol.dispose]()
  })

  test('an end of input ends the asking', async () => {
    const { questions, input } = asked('')
    const answer = questions.text('Name?', 'orders')
    input.end()
    await expect(answer).rejects.toThrow(/nothing was written/)
  })

  test('nobody there: defaults, and an error where there is none', async () => {
    const questions = new Questions(false)
    expect(await questions.text('Name?', 'orders')).toBe('orders')
    await expect(questions.choose('Which?', choices, missing)).rejects.toBe(missing)
  })
})
