import { expect, test } from 'vitest'
import { fromEnvironment } from './environment.ts'

test('a broker is only taken from its own variable', () => {
  const env = { SLUICE_RABBITMQ_URL: 'amqp://u:p%40ss@mq.example:5673/shop' }
  expect(fromEnvironment('kafka', env)).toBeUndefined()
  expect(fromEnvironment('rabbitmq3', env)).toBeUndefined()
  expect(fromEnvironment('rabbitmq4', env)).toEqual({
    kind: 'rabbitmq4',
    instance: 'shared',
    where: 'env',
    url: 'amqp://u:p%40ss@mq.example:5673/shop',
    listeners: { plain: 'mq.example:5673' },
    management: { url: 'http://mq.example:15672', user: 'u', password: 'p@ss' },
  })
})

test('ports default to the usual ones, and the management address can be named', () => {
  const env = {
    SLUICE_KAFKA_URL: 'kafka://log.example',
    SLUICE_PULSAR_URL: 'ws://pulsar.example',
    SLUICE_RABBITMQ3_URL: 'amqp://mq.example',
    SLUICE_RABBITMQ3_MANAGEMENT_URL: 'http://mq.example:8080',
  }
  expect(fromEnvironment('kafka', env)?.listeners).toEqual({ plain: 'log.example:9092' })
  expect(fromEnvironment('pulsar', env)?.listeners).toEqual({ plain: 'pulsar.example:8080' })
  const rabbitmq = fromEnvironment('rabbitmq3', env)
  expect(rabbitmq?.listeners).toEqual({ plain: 'mq.example:5672' })
  expect(rabbitmq?.management).toEqual({ url: 'http://mq.example:8080', user: 'guest', password: 'guest' })
})

test('NATS has its usual port', () => {
  const env = { SLUICE_NATS_URL: 'nats://bus.example' }
  expect(fromEnvironment('nats', env)?.listeners).toEqual({ plain: 'bus.example:4222' })
})

test('an empty variable names nothing', () => {
  expect(fromEnvironment('kafka', { SLUICE_KAFKA_URL: '' })).toBeUndefined()
})
