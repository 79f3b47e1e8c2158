import { describe, expect, it } from 'vitest'
import { command, folder } from '../../cli/sluice.ts'
import { BODIES, everyCommand, routes } from '../dead-letter-commands.ts'
import { KINDS, message, publishAll, Workbench } from './workbench.ts'

describe.each(KINDS)('dead letters in %s', kind => {
  // Only quorum queues count deliveries, and both versions do so in a way of their own.
  it.each(kind === 'rabbitmq4' ? ['classic', 'quorum'] : ['quorum'])(
    'in a %s queue are listed, shown, sent again and removed',
    async type => {
      await using bench = await Workbench.open(kind)
      const [source, target] = [await bench.queue(), await bench.queue()]
      const dead = await bench.queue({ arguments: { 'x-queue-type': type } })
      await everyCommand(routes(bench.info.url, `queue: ${source}`, `queue: ${target}`, `queue: ${dead}`), async () => {
        await publishAll(
          await bench.sink({ queue: source }),
          BODIES.map(body => message({ bytes: Buffer.from(body) })),
        )
      })
      expect(await bench.ready(target)).toBe(4)
      expect(await bench.ready(dead)).toBe(0)
    },
  )

  it('behind an exchange cannot be read as a whole, and dlq says so', async () => {
    await using bench = await Workbench.open(kind)
    const yaml = routes(bench.info.url, 'queue: a', 'queue: b', 'exchange: amq.topic')
    const { code, stderr } = await command(['dlq', 'list', 'orders'], folder({ 'routes.yaml': yaml }))
    expect(stderr).toMatch(/dead letters of route "orders" go to a place that cannot be read as a whole\n.*hint: /)
    expect(code).toBe(3)
  })
})
