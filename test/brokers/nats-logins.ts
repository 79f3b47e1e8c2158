import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { nkeys } from 'nats'
import { home } from './home.ts'
import { lock } from './lock.ts'

type KeyPair = ReturnType<typeof nkeys.createUser>

const dir = join(home, 'nats-logins')

/** Known to the kit's NATS by name and password; `guest` may publish to and subscribe to `guest.>` only. */
export const natsUsers = { alice: 'alice-secret', guest: 'guest-secret' } as const
export const natsToken = 'token-secret'

/**
 * Paths of what NATS clients log in with. `creds` is signed by the account the server knows, `expiredCreds` likewise, but
 * not valid any more, `strangerCreds` by an account nobody knows. `nkey` is the seed of a user, `strangerNkey` of nobody.
 */
export const natsLogins = {
  creds: join(dir, 'user.creds'),
  expiredCreds: join(dir, 'expired.creds'),
  strangerCreds: join(dir, 'stranger.creds'),
  nkey: join(dir, 'user.nk'),
  strangerNkey: join(dir, 'stranger.nk'),
} as const

/** What the server's configuration says of them. */
export interface ServerSide {
  /** Public key of the nkey user. */
  readonly nkey: string
  readonly operator: string
  readonly account: string
  readonly accountJwt: string
}

/** Makes keys and tokens where they are not there yet. */
export async function ensureLogins(): Promise<ServerSide> {
  await using _ = await lock(join(home, 'locks/nats-logins'))
  if (!existsSync(dir)) make()
  return JSON.parse(readFileSync(join(dir, 'server.json'), 'utf8')) as ServerSide
}

function make(): void {
  const work = `${dir}.new`
  rmSync(work, { recursive: true, force: true })
  mkdirSync(work, { recursive: true, mode: 0o700 })
  const write = (name: string, text: string) => writeFileSync(join(work, name), text, { mode: 0o600 })
  const operator = nkeys.createOperator()
  const account = nkeys.createAccount()
  const user = nkeys.createUser()
  const accountJwt = token(operator, account, { type: 'account', limits: unlimited })
  write('user.creds', credentials(account))
  write('expired.creds', credentials(account, Date.UTC(2020, 0, 1)))
  write('stranger.creds', credentials(nkeys.createAccount()))
  write('user.nk', seed(user))
  write('stranger.nk', seed(nkeys.createUser()))
  const server: ServerSide = {
    nkey: user.getPublicKey(),
    operator: token(operator, operator, { type: 'operator' }),
    account: account.getPublicKey(),
    accountJwt,
  }
  write('server.json', JSON.stringify(server))
  renameSync(work, dir)
}

function seed(pair: KeyPair): string {
  return Buffer.from(pair.getSeed()).toString('latin1')
}

/** The text of a creds file, for a user of this account. */
export function credentials(account: KeyPair, expires?: number, user: KeyPair = nkeys.createUser()): string {
  const jwt = token(account, user, { type: 'user', subs: -1, data: -1, payload: -1 }, expires)
  return `-----BEGIN NATS USER JWT-----
${jwt}
------END NATS USER JWT------

-----BEGIN USER NKEY SEED-----
${seed(user)}
------END USER NKEY SEED------
`
}

/** Limits of an account that has none. */
export const unlimited = {
  subs: -1,
  conn: -1,
  leaf: -1,
  imports: -1,
  exports: -1,
  data: -1,
  payload: -1,
  wildcards: true,
}

/** A JSON web token as NATS has them. */
export function token(issuer: KeyPair, subject: KeyPair, claims: object, expires?: number): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const sub = subject.getPublicKey()
  const body = {
    ...{ jti: sub, iat: Math.floor(Date.UTC(2019, 0, 1) / 1000), iss: issuer.getPublicKey(), name: sub, sub },
    ...(expires === undefined ? {} : { exp: Math.floor(expires / 1000) }),
    nats: { ...claims, version: 2 },
  }
  const signed = `${part({ typ: 'JWT', alg: 'ed25519-nkey' })}.${part(body)}`
  return `${signed}.${Buffer.from(issuer.sign(Buffer.from(signed))).toString('base64url')}`
}
