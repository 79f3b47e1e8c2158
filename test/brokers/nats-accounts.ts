import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { nkeys } from 'nats'
import { KitError } from './kit-error.ts'
import { launchNats, nats } from './nats.ts'
import { credentials, token, unlimited } from './nats-logins.ts'
import { freeBlock } from './ports.ts'
import { type Identity, terminate } from './processes.ts'

const PATIENCE_MS = 60_000
const STORAGE = { mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 }

/** A NATS server with JetStream that knows an account by what its operator has signed, and users by what the account has. */
export class NatsAccounts implements AsyncDisposable {
  readonly url: string
  /** Paths of creds files: of a user nobody ever takes anything from, and of one that can be revoked. */
  readonly creds: string
  readonly revocable: string
  readonly #dir = mkdtempSync(join(tmpdir(), 'sluice-nats-accounts-'))
  readonly #base: number
  readonly #operator = nkeys.createOperator()
  readonly #system = nkeys.createAccount()
  readonly #account = nkeys.createAccount()
  readonly #user = nkeys.createUser()
  #server: Identity | undefined

  private constructor(base: number) {
    this.#base = base
    this.url = `nats://127.0.0.1:${base}`
    this.creds = join(this.#dir, 'user.creds')
    this.revocable = join(this.#dir, 'revocable.creds')
    writeFileSync(this.creds, credentials(this.#account), { mode: 0o600 })
    writeFileSync(this.revocable, credentials(this.#account, undefined, this.#user), { mode: 0o600 })
  }

  static async start(): Promise<NatsAccounts> {
    await nats.install()
    const accounts = new NatsAccounts(await freeBlock(new Set()))
    try {
      accounts.#configure(false)
      accounts.#server = await launchNats(accounts.#dir, 'server', join(accounts.#dir, 'server.log'))
      await accounts.#until('does not come up', async () => (await accounts.#ask('healthz')).ok)
      return accounts
    } catch (error) {
      await accounts[Symbol.asyncDispose]()
      throw error
    }
  }

  /** The account takes the revocable user's right to log in, or gives it back; resolves when the server has heard. */
  async revoke(revoked: boolean): Promise<void> {
    const before = await this.#loaded()
    this.#configure(revoked)
    process.kill(this.#server!.pid, 'SIGHUP')
    await this.#until('does not read its file', async () => (await this.#loaded()) !== before)
  }

  #configure(revoked: boolean): void {
    const claims = { type: 'account', limits: { ...unlimited, ...STORAGE } }
    // What was signed until then does not count any more.
    const revocations = revoked ? { [this.#user.getPublicKey()]: Math.floor(Date.now() / 1000) } : {}
    const account = token(this.#operator, this.#account, { ...claims, revocations })
    const system = token(this.#operator, this.#system, { type: 'account', limits: unlimited })
    writeFileSync(
      join(this.#dir, 'server.conf'),
      `server_name: accounts
listen: "127.0.0.1:${this.#base}"
http: "127.0.0.1:${this.#base + 1}"
jetstream { store_dir: "${join(this.#dir, 'jetstream')}", max_file_store: 1GB }
operator: ${token(this.#operator, this.#operator, { type: 'operator' })}
system_account: ${this.#system.getPublicKey()}
resolver: MEMORY
resolver_preload: { ${this.#system.getPublicKey()}: ${system}, ${this.#account.getPublicKey()}: ${account} }
`,
    )
  }

  #ask(path: string): Promise<Response> {
    return fetch(`http://127.0.0.1:${this.#base + 1}/${path}`, { signal: AbortSignal.timeout(5_000) })
  }

  async #loaded(): Promise<string> {
    return ((await (await this.#ask('varz')).json()) as { readonly config_load_time: string }).config_load_time
  }

  async #until(what: string, met: () => Promise<boolean>): Promise<void> {
    const deadline = performance.now() + PATIENCE_MS
    while (!(await met().catch(() => false))) {
      if (performance.now() > deadline) throw new KitError(`The NATS server ${what}; see ${this.#dir}.`)
      await sleep(50)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#server !== undefined) await terminate(this.#server)
    rmSync(this.#dir, { recursive: true, force: true })
  }
}
