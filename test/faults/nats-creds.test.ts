import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, test } from 'vitest'
import { NatsAccounts } from '../brokers/nats-accounts.ts'
import { NatsEnd } from '../streams/nats-end.ts'
import { expectMended } from './mended.ts'

let nats: NatsAccounts
beforeAll(async () => {
  nats = await NatsAccounts.start()
})
afterAll(() => nats?.[Symbol.asyncDispose]())

test.each(['from', 'to'] as const)('JetStream as %s, by creds that were revoked: until they count again', async end => {
  const name = `revoked-${randomUUID().slice(0, 8)}`
  await using stack = new AsyncDisposableStack()
  const { url, creds, revocable } = nats
  const open = async (what: string) => stack.use(await NatsEnd.open({ url, creds, stream: `${name}-${what}` }))
  const made = { source: await open('source'), target: await open('target'), dead: await open('dead') }
  await made.target.read()
  await nats.revoke(true)
  const secret = /^S[A-Z0-9]{50,}$/m.exec(readFileSync(revocable, 'utf8'))![0]
  await expectMended(made, {
    end,
    connection: { url, creds: revocable },
    code: 'AUTH_FAILED',
    says: /refused the credentials/,
    secret,
    mend: () => nats.revoke(false),
  })
})
