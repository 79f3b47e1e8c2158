import { randomUUID } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { nkeys } from 'nats'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { type Broker, startBroker } from '../brokers/broker.ts'
import { until } from '../streams/ends.ts'
import { NatsEnd } from '../streams/nats-end.ts'
import { expectMended, type Refusal, secret } from './mended.ts'

// Its users are changed: a server of its own.
let nats: Broker
let file: string
let original: string
beforeAll(async () => {
  nats = await startBroker('nats', { instance: `refusals-${process.pid}` })
  file = join(dirname(nats.log!), 'main.conf')
  original = readFileSync(file, 'utf8')
})
afterAll(() => nats?.[Symbol.asyncDispose]())

async function loaded(): Promise<string> {
  const response = await fetch(`${nats.monitoring}/varz`, { signal: AbortSignal.timeout(30_000) })
  return ((await response.json()) as { readonly config_load_time: string }).config_load_time
}

/** What an operator does: one more user in the server's file, and a signal to read it. */
async function admit(user: string): Promise<void> {
  const before = await loaded()
  writeFileSync(
    file,
    original.replace('users: [\n', start => `${start}    ${user}\n`),
  )
  process.kill(nats.pid, 'SIGHUP')
  await until('the server has read its file', async () => (await loaded()) !== before)
}

async function refused(refusal: Refusal): Promise<void> {
  const name = `refused-${randomUUID().slice(0, 8)}`
  await using stack = new AsyncDisposableStack()
  const end = async (what: string) => stack.use(await NatsEnd.open({ url: nats.url, stream: `${name}-${what}` }))
  const made = { source: await end('source'), target: await end('target'), dead: await end('dead') }
  await made.target.read()
  await expectMended(made, refusal)
}

const at = (login: string) => nats.url.replace('nats://', `nats://${login}@`)

describe.each(['from', 'to'] as const)('JetStream as %s', end => {
  test('a user that is not there: until it is made', async () => {
    const connection = { url: at(`bob:${secret}`) }
    const mend = () => admit(`{ user: bob, password: "${secret}" }`)
    await refused({ end, connection, code: 'AUTH_FAILED', says: /refused the credentials/, secret, mend })
  })

  test('a wrong password: until it is set', async () => {
    await admit('{ user: carol, password: "another" }')
    const connection = { url: nats.url, username: 'carol', password: secret }
    const mend = () => admit(`{ user: carol, password: "${secret}" }`)
    await refused({ end, connection, code: 'AUTH_FAILED', says: /refused the credentials/, secret, mend })
  })

  test('an nkey nobody knows: until it is known', async () => {
    const pair = nkeys.createUser()
    const nkey = Buffer.from(pair.getSeed()).toString('latin1')
    const mend = () => admit(`{ nkey: ${pair.getPublicKey()} }`)
    const connection = { url: nats.url, nkey }
    await refused({ end, connection, code: 'AUTH_FAILED', says: /refused the credentials/, secret: nkey, mend })
  })

  test('no permission: until it is granted', async () => {
    const user = `user: dave, password: "${secret}"`
    await admit(`{ ${user}, permissions: { publish: ["elsewhere"], subscribe: ["_INBOX.>"] } }`)
    const connection = { url: at(`dave:${secret}`), requestTimeout: '3s' }
    const mend = () => admit(`{ ${user} }`)
    await refused({ end, connection, code: 'ACCESS_DENIED', says: /permission|not allowed|may not/i, secret, mend })
  })
})
