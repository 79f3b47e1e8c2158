import { expect, test } from 'vitest'
import { Lab, route, until } from './lab.ts'

// 64 KiB for both: `big` fills all it gets while its target is away.
test('a route whose target is away for hours does not starve the others of memory', async () => {
  const lab = new Lab({ memory: '64KiB' })
  lab.here.create('big', { mode: 'queue' })
  const bytes = Buffer.alloc(8 * 1024)
  const big = route({
    name: 'big',
    from: { connection: 'here', options: { address: 'in' } },
    to: { connection: 'elsewhere', options: { address: 'out' } },
    deadLetter: undefined,
  })
  const small = route({ name: 'small', from: { connection: 'here', options: { address: 'small' } } })
  lab.elsewhere.faults.set({ nack: 1 })
  for (let n = 0; n < 100; n++) lab.send({ bytes })
  const { gateway } = lab.start([{ ...big, retry: { ...big.retry, attempts: 1_000_000 } }, small])
  await until('big is full', () => gateway.status[0]!.inFlight >= 3)
  const held = gateway.status[0]!.inFlight
  expect(held).toBeLessThanOrEqual(8)
  for (let n = 0; n < 50; n++) {
    const before = lab.stored().length
    lab.here.place('small').append(lab.here.contents('in')[99]!)
    await until('it passed', () => lab.stored().length === before + 1)
  }
  expect(gateway.status[1]!.state).toBe('running')
  lab.elsewhere.faults.clear()
  await until('big goes on', () => lab.here.contents('in').length === 0)
  await gateway.stop(1_000)
})

test('stopping, expiry and poison give all memory back', async () => {
  const lab = new Lab({ memory: '16KiB' })
  lab.there.faults.set({ nack: 0.3 })
  lab.there.setFaults('out', { nack: 0.3 }).judge = one => (one.id.endsWith('3') ? 'TOO_LARGE' : undefined)
  const bytes = Buffer.alloc(1_000)
  for (let n = 0; n < 300; n++) lab.send({ key: `k${n % 9}`, bytes })
  const { gateway } = lab.start([route({ retry: { attempts: 1_000_000 } })])
  for (let n = 0; n < 5; n++) {
    const mark = lab.stored().length + 20
    await until('some passed', () => lab.stored().length >= mark)
    lab.here.reach.disconnect()
  }
  // With a leak of sixteen messages nothing would pass any more.
  await until('all acked', () => lab.here.contents('in').length === 0)
  await gateway.stop(1_000)
})
