import { randomUUID } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { type Broker, startBroker } from '../brokers/broker.ts'
import { given } from '../brokers/given.ts'
import { newNamespace, permit } from '../brokers/pulsar-admin.ts'
import { pulsarAdmin, pulsarKeys, pulsarToken } from '../brokers/pulsar-login.ts'
import { clientName, tls } from '../brokers/tls.ts'
import { PulsarEnd } from '../streams/pulsar-end.ts'
import { expectMended, type Refusal } from './mended.ts'

// Its permissions and its key are changed: a broker of its own.
let broker: Broker
beforeAll(async () => {
  broker = await startBroker('pulsar', { instance: `auth-refusals-${process.pid}` })
})
afterAll(() => broker?.[Symbol.asyncDispose]())

const { ca, client } = tls
const keys = [pulsarKeys.right, pulsarKeys.wrong] as const
let key: string = pulsarKeys.right
const token = (role: string) => pulsarToken(role, key)
const admin = () => token(pulsarAdmin)
const namespace = () => newNamespace(broker, admin())
const grant = (role: string, place: string) => permit(broker, role, place, admin())

/** The broker restarts and knows tokens of another key only. */
async function turnKey(): Promise<void> {
  key = keys.find(one => one !== key)!
  const file = (name: string) => join(dirname(broker.log!), name)
  const conf = file('standalone.conf')
  writeFileSync(file('secret.key'), key)
  writeFileSync(conf, readFileSync(conf, 'utf8').replace(/token:.*/, `token:${admin()}`))
  await broker.restart()
}

/** The refused end is in `place`, on the broker with logins; the others are on the shared one, which has none. */
async function refused(place: string, refusal: Refusal): Promise<void> {
  const name = `refused-${randomUUID().slice(0, 8)}`
  await using stack = new AsyncDisposableStack()
  const open = async (what: string) => {
    const barred = what === refusal.end ? { namespace: place, url: broker.url, token: admin } : given('pulsar')
    return stack.use(await PulsarEnd.open({ ...barred, topic: `${name}-${what}` }))
  }
  const made = { source: await open('from'), target: await open('to'), dead: await open('dead') }
  const connection = { namespace: place, ...refusal.connection }
  await expectMended(made, { ...refusal, connection })
}

describe.each(['from', 'to'] as const)('Pulsar as %s', end => {
  test('no permission, by token: until it is granted', async () => {
    const place = await namespace()
    const secret = token('app')
    const connection = { url: broker.url, token: secret }
    const mend = () => grant('app', place)
    await refused(place, { end, connection, code: 'ACCESS_DENIED', says: /Not authorized/, secret, mend })
  })

  test('no permission, by client certificate: until it is granted', async () => {
    const place = await namespace()
    const { cert, key } = client
    const connection = { url: `wss://${broker.listeners['tls']}`, tls: { ca, cert, key } }
    const mend = () => grant(clientName, place)
    await refused(place, { end, connection, code: 'ACCESS_DENIED', says: /Not authorized/, mend })
  })

  test('a token of another key: until the broker takes it', async () => {
    const place = await namespace()
    await grant('app', place)
    const other = keys.find(one => one !== key)!
    const secret = pulsarToken('app', other)
    const connection = { url: broker.url, token: secret }
    await refused(place, {
      end,
      connection,
      code: 'AUTH_FAILED',
      says: /Failed to authenticate/,
      secret,
      mend: turnKey,
    })
  })
})
