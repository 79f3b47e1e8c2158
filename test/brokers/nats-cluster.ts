import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { KitError } from './kit-error.ts'
import { launchNats, nats } from './nats.ts'
import { freeBlock } from './ports.ts'
import { type Identity, signal, terminate, waitForExit } from './processes.ts'

const SERVERS = [0, 1, 2] as const
const PATIENCE_MS = 60_000

/** Three NATS servers with JetStream that hold every stream with three replicas together. */
export class NatsCluster implements AsyncDisposable {
  /** `host:port` of each. */
  readonly servers: readonly string[]
  readonly #dir = mkdtempSync(join(tmpdir(), 'sluice-nats-cluster-'))
  /** Of the monitoring of each. */
  readonly monitoring: readonly string[]
  readonly #base: number
  readonly #jetstream: string
  readonly #running = new Map<string, Identity>()

  private constructor(base: number, jetstream: string) {
    this.#base = base
    this.#jetstream = jetstream
    this.monitoring = SERVERS.map(n => `http://127.0.0.1:${base + 6 + n}`)
    this.servers = SERVERS.map(n => `127.0.0.1:${base + n}`)
  }

  /** @param jetstream more of the `jetstream` block of their configuration */
  static async start(jetstream = ''): Promise<NatsCluster> {
    await nats.install()
    const cluster = new NatsCluster(await freeBlock(new Set()), jetstream)
    try {
      for (const n of SERVERS) await cluster.restart(`n${n}`)
      await cluster.#healthy()
      return cluster
    } catch (error) {
      await cluster[Symbol.asyncDispose]()
      throw error
    }
  }

  /** Starts the server with this name, `n0` to `n2`. */
  async restart(name: string): Promise<void> {
    const n = Number(name.slice(1))
    const routes = SERVERS.map(other => `nats://127.0.0.1:${this.#base + 3 + other}`)
    writeFileSync(
      join(this.#dir, `${name}.conf`),
      `server_name: ${name}
listen: "127.0.0.1:${this.#base + n}"
http: "127.0.0.1:${this.#base + 6 + n}"
jetstream { store_dir: "${join(this.#dir, name)}", max_file_store: 1GB, ${this.#jetstream} }
cluster { name: kit, listen: "127.0.0.1:${this.#base + 3 + n}", routes: [${routes.map(route => `"${route}"`).join(', ')}] }
`,
    )
    this.#running.set(name, await launchNats(this.#dir, name, join(this.#dir, `${name}.log`)))
  }

  /** SIGKILL; resolves when it is gone. */
  async kill(name: string): Promise<void> {
    const server = this.#running.get(name)!
    signal(server, 'SIGKILL')
    await waitForExit(server, 60_000)
    this.#running.delete(name)
  }

  async #healthy(): Promise<void> {
    const deadline = performance.now() + PATIENCE_MS
    for (const n of SERVERS) {
      const health = `http://127.0.0.1:${this.#base + 6 + n}/healthz`
      while (
        !(await fetch(health).then(
          ({ ok }) => ok,
          () => false,
        ))
      ) {
        if (performance.now() > deadline) throw new KitError(`The NATS cluster does not come up; see ${this.#dir}.`)
        await sleep(50)
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.#running.values()) await terminate(server)
    rmSync(this.#dir, { recursive: true, force: true })
  }
}
