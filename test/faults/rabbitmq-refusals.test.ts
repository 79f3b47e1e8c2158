import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, onTestFinished, test } from 'vitest'
import { given } from '../brokers/given.ts'
import { callManagement } from '../brokers/management.ts'
import { clientCertificate, tls } from '../brokers/tls.ts'
import { RabbitEnd } from '../streams/rabbit-end.ts'
import { expectMended, type Refusal, secret } from './mended.ts'

const { url, listeners, management } = given('rabbitmq4')
const all = { configure: '.*', write: '.*', read: '.*' }
const nothing = { configure: '^$', write: '^$', read: '^$' }
const { ca } = tls

const call = (method: 'PUT' | 'DELETE', path: string, body?: object) => callManagement(management!, method, path, body)
const password = (user: string, fields: object) => call('PUT', `/api/users/${user}`, { tags: '', ...fields })
const permit = (user: string, rights: object) => call('PUT', `/api/permissions/%2F/${user}`, rights)

/** The name of a user that is gone when the test is over. */
function newUser(): string {
  const user = `refused-${randomUUID().slice(0, 8)}`
  onTestFinished(async () => void (await call('DELETE', `/api/users/${user}`).catch(() => {})))
  return user
}

async function refused(refusal: Refusal): Promise<void> {
  const name = `refused.${randomUUID().slice(0, 8)}`
  await using stack = new AsyncDisposableStack()
  const end = async (what: string) => stack.use(await RabbitEnd.open({ url, queue: `${name}.${what}` }))
  const made = { source: await end('source'), target: await end('target'), dead: await end('dead') }
  await made.target.read()
  await expectMended(made, refusal)
}

describe.each(['from', 'to'] as const)('RabbitMQ as %s', end => {
  test('a wrong password over TLS: until it is set', async () => {
    const user = newUser()
    await password(user, { password: 'another' })
    await permit(user, all)
    const connection = { url: `amqps://${user}:${secret}@${listeners['tls']}`, tls: { ca } }
    const mend = () => password(user, { password: secret })
    await refused({ end, connection, code: 'AUTH_FAILED', says: /refused|login|user/i, secret, mend })
  })

  test('a client certificate whose user is not there, EXTERNAL: until it is made', async () => {
    const user = newUser()
    const folder = mkdtempSync(join(tmpdir(), 'sluice-client-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    const pair = await clientCertificate(folder, user)
    const connection = { url: `amqps://${listeners['tls']}`, auth: 'external', tls: { ca, ...pair } }
    const mend = async () => {
      await password(user, { password_hash: '' })
      await permit(user, all)
    }
    await refused({ end, connection, code: 'AUTH_FAILED', says: /refused|login|user|certificate/i, mend })
  })

  test('no permission: until it is granted', async () => {
    const user = newUser()
    await password(user, { password: secret })
    await permit(user, nothing)
    const connection = { url: `amqp://${user}:${secret}@${listeners['plain']}` }
    const mend = () => permit(user, all)
    await refused({ end, connection, code: 'ACCESS_DENIED', says: /refused|access|permission/i, secret, mend })
  })
})
