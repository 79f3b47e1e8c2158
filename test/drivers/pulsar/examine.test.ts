import { randomUUID } from 'node:crypto'
import { expect, onTestFinished, test } from 'vitest'
import type { EndpointContext } from '../../../src/core/ports.ts'
import { quiet } from '../../../src/core/quiet-log.ts'
import { pulsar } from '../../../src/drivers/pulsar/driver.ts'
import { given } from '../../brokers/given.ts'
import { callPulsar } from '../../brokers/pulsar-admin.ts'
import { findings } from '../findings.ts'
import { statsOf, topicName } from './pulsar-lab.ts'

const info = given('pulsar')

/** With the admin API, unless `admin` is undefined. */
function lab(options: object = {}) {
  const connection = pulsar.connect(
    { url: info.url, admin: `http://${info.listeners['plain']}`, ...options },
    { name: 'lab', log: quiet, baseDir: '.' },
  )
  onTestFinished(async () => connection[Symbol.asyncDispose]())
  const context = (): EndpointContext => ({
    route: 'lab',
    inFlight: 10,
    inFlightBytes: 1_000_000,
    log: quiet,
    status: () => {},
  })
  return { connection, signal: AbortSignal.timeout(60_000), context }
}

test('a topic and its subscription, there and not there; nothing is made', async () => {
  const [here, nowhere] = [topicName(), topicName()]
  const path = (topic: string) => `persistent/public/default/${topic}`
  await callPulsar(info, 'PUT', path(here))
  await callPulsar(info, 'PUT', `${path(here)}/subscription/mine`)
  const full = (topic: string) => `persistent://public/default/${topic}`
  const clock = expect.stringMatching(/^ok broker: its clock/)
  const of = (topic: string, subscription: string) => findings(lab(), 'source', { topic, subscription })
  expect(await of(here, 'mine')).toEqual([
    `ok topic ${full(here)}: it is there`,
    'ok subscription mine: it is there, with 0 messages waiting',
    clock,
  ])
  expect((await of(here, 'other'))[1]).toMatch(/^ok subscription other: it is not there yet/)
  expect((await of(nowhere, 'mine'))[0]).toMatch(/^ok topic .*not there yet; the broker creates it/)
  expect((await findings(lab(), 'sink', { topic: nowhere, create: { partitions: 1 } }))[0]).toMatch(/Sluice creates it/)
  expect(Object.keys((await statsOf(here)).subscriptions)).toEqual(['mine'])
  await expect(statsOf(nowhere)).rejects.toThrow(/404/)
})

test('a namespace that is not there, and one in which a single bookie confirms', async () => {
  const name = `doctor-${randomUUID().slice(0, 8)}`
  await callPulsar(info, 'PUT', `namespaces/public/${name}`)
  // Pulsar may just be making a topic of its own in it, for the settings, and refuses then.
  onTestFinished(async () => void (await callPulsar(info, 'DELETE', `namespaces/public/${name}`).catch(() => {})))
  const quorums = {
    bookkeeperEnsemble: 1,
    bookkeeperWriteQuorum: 1,
    bookkeeperAckQuorum: 1,
    managedLedgerMaxMarkDeleteRate: 0,
  }
  await callPulsar(info, 'POST', `namespaces/public/${name}/persistence`, quorums)
  expect(await findings(lab({ namespace: `public/${name}` }), 'sink', { topic: 'a' })).toContainEqual(
    expect.stringMatching(/^warn namespace .*one bookie confirms alone/),
  )
  expect((await findings(lab(), 'sink', { topic: 'persistent://public/nowhere/a' }))[0]).toMatch(
    /^fail topic .*namespace public\/nowhere does not exist/,
  )
})

test('what cannot be seen without the admin API is called unseen', async () => {
  const blind = lab({ admin: undefined })
  expect((await findings(blind, 'source', { topic: 'a' }))[0]).toMatch(/^unseen topic .*without the admin API/)
  expect(await findings(blind, 'sink', { topic: '${subject}' })).toEqual([
    expect.stringMatching(/^unseen topic .*depends/),
  ])
})

test('an admin API that does not answer is a failure of its own', async () => {
  const deaf = lab({ admin: 'http://127.0.0.1:1' })
  expect((await findings(deaf, 'sink', { topic: 'a' }))[0]).toMatch(/^fail topic .*CONNECT_FAILED/)
})
