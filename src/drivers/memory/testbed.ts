import type { TestAddress, Testbed } from '../../core/testbed.ts'
import type { MemoryDriver } from './driver.ts'

/** A testbed on a broker of its own in the driver's hub. */
export function memoryTestbed(driver: MemoryDriver): Testbed {
  const broker = driver.hub.broker('testbed')
  const log = driver.features.groups
  broker.password = 'open sesame'
  const url = (password: string, host: string) => ({
    url: `${driver.schemes[0]}://tester:${encodeURIComponent(password)}@${host}`,
    timeout: '2s',
  })
  driver.hub.broker('nobody').reach.goDown()
  let made = 0
  return {
    label: log ? 'memory (log)' : 'memory (queue)',
    available: async () => true,
    connection: () => url('open sesame', 'testbed'),
    unreachable: () => url('open sesame', 'nobody'),
    unauthorized: () => url('wrong', 'testbed'),
    missing: () => ({
      sink: { address: 'no-such-address', create: false },
      source: { address: 'no-such-address', create: false },
    }),
    async create(): Promise<TestAddress> {
      const name = `test-${++made}`
      const options = { address: name, create: false }
      broker.create(name, log ? { mode: 'log', partitions: 4 } : { mode: 'queue' })
      return { name, sink: options, source: group => (log ? { ...options, group } : options) }
    },
    async drop(address) {
      broker.delete(address.name)
    },
    async restart() {
      broker.reach.goDown()
      await new Promise(resolve => setTimeout(resolve, 100))
      broker.reach.comeUp()
    },
  }
}
