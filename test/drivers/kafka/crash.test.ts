import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { given } from '../../brokers/given.ts'
import { KafkaLab, numbered, numberOf, Reading } from './kafka-lab.ts'

async function life(topic: string): Promise<string> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'crash-child.ts'), given('kafka').url, topic])
  let out = ''
  child.stdout.on('data', data => {
    out += data
  })
  const [, signal] = await once(child, 'exit')
  expect(signal).toBe('SIGKILL')
  return out.trim()
}

it('a record that kills the process: each life delivers it with a higher attempt, and nothing before it again', async () => {
  await using it = new KafkaLab(given('kafka').url)
  const topic = await it.topic()
  await it.publish(await it.sink({ topic }), numbered(6))
  expect(await life(topic)).toBe('0:1 1:1 2:1 3:1 4:1 5:1')
  expect(await life(topic)).toBe('3:2 4:2 5:2')
  expect(await life(topic)).toBe('3:3 4:3 5:3')
  const options = { topic, group: topic, sessionTimeout: '6s', heartbeatInterval: '1s' }
  const source = await it.source(options)
  const [first] = await new Reading(source).count(3)
  expect([numberOf(first!), first!.message.source.attempt]).toEqual([3, 4])
})
