import { expect, it } from 'vitest'
import type { Driver, TransformFactory } from '../../src/core/ports.ts'
import { Registry } from '../../src/core/registry.ts'
import { thrown } from './sample.ts'

const transform = (name: string): TransformFactory => ({ name, schema: {}, create: () => message => message })
const driver = (name: string, schemes: readonly string[]): Driver => ({ name, schemes }) as unknown as Driver

it('finds a driver by the scheme of a url', () => {
  const registry = new Registry().add({ name: 'p', drivers: [driver('rabbitmq', ['amqp', 'amqps'])] })
  expect(registry.driverFor('amqps')?.name).toBe('rabbitmq')
  expect(registry.driverFor('http')).toBeUndefined()
})

it('takes a name once, and says whose plug-in came second', () => {
  const registry = new Registry().add({ name: 'first', transforms: [transform('mask')] })
  const error = thrown(() => registry.add({ name: 'second', transforms: [transform('mask')] }))
  expect(error.code).toBe('PLUGIN_INVALID')
  expect(error.message).toBe('transform of plug-in second: the name "mask" is already taken')
})
