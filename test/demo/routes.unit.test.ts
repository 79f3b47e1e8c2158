import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv } from 'ajv'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { compose } from '../../src/app/compose.ts'
import { composeUrls } from './compose.ts'
import { PLACES } from './stage.ts'

const root = join(import.meta.dirname, '../..')
const read = (path: string) => readFileSync(join(root, path), 'utf8')
const file = join(root, 'routes.yaml')

describe('the shipped routes.yaml', () => {
  it('has no problem, not even a warning, with and without the environment', async () => {
    const named = {
      SLUICE_RABBITMQ_URL: 'amqp://u:p%40ss@rabbit:5672/vhost',
      SLUICE_KAFKA_URL: 'kafka://k1:9092,k2:9092',
    }
    for (const [env, shop, log] of [
      [{}, 'amqp://guest:guest@localhost:5672', 'kafka://localhost:9092'],
      [named, named.SLUICE_RABBITMQ_URL, named.SLUICE_KAFKA_URL],
    ] as const) {
      const { problems, config } = await compose(file, env)
      expect(problems).toEqual([])
      expect(config?.connections.get('shop')?.options['url']).toBe(shop)
      expect(config?.connections.get('log')?.options['url']).toBe(log)
    }
  })

  it('names the places where the demo publishes and looks', async () => {
    const { config } = await compose(file, {})
    const orders = config!.routes.get('orders')!
    expect(orders.from.options).toMatchObject({ queue: PLACES.queue, bind: [{ exchange: PLACES.exchange }] })
    expect(orders.to.options['topic']).toBe(PLACES.topic)
    expect(orders.deadLetter).toMatchObject({ options: { queue: PLACES.deadQueue } })
    const back = config!.routes.get('large-orders')!
    expect(back.from.options['topic']).toBe(PLACES.topic)
    expect(back.to.options['queue']).toBe(PLACES.largeQueue)
  })

  it('is what the schema for editors, which it names, accepts', () => {
    const text = read('routes.yaml')
    const schema = /\$schema=(\S+)/.exec(text)![1]!
    const validate = new Ajv({ strict: false, logger: false }).compile(JSON.parse(read(schema)))
    expect(validate(parse(text)), JSON.stringify(validate.errors)).toBe(true)
    expect(validate({ ...parse(text), stray: 1 })).toBe(false)
  })
})

describe('deploy/compose.yaml', () => {
  const { services } = parse(read('deploy/compose.yaml')) as {
    services: Record<string, { ports: string[]; environment?: Record<string, string | number> }>
  }

  it('puts both brokers where the demo and routes.yaml look for them, on this machine only', () => {
    for (const [service, url] of Object.entries(composeUrls)) {
      const { hostname, port } = new URL(url)
      expect(services[service]!.ports).toContain(`${hostname}:${port}:${port}`)
      for (const published of services[service]!.ports) expect(published).toMatch(/^127\.0\.0\.1:/)
    }
  })

  it('tells Kafka the address that clients outside of its container reach', () => {
    const advertised = services['kafka']!.environment!['KAFKA_ADVERTISED_LISTENERS']
    expect(advertised).toBe(composeUrls.kafka.replace('kafka:', 'PLAINTEXT:'))
  })
})
