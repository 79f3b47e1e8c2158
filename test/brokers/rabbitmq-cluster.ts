import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { lastLines } from './commands.ts'
import { home } from './home.ts'
import type { BrokerInfo, Place } from './kinds.ts'
import { KitError } from './kit-error.ts'
import { freeBlock } from './ports.ts'
import { type Identity, isAlive, signal, terminate, waitForExit } from './processes.ts'
import { launchMapper, launchNode, rabbitmq, writeNode } from './rabbitmq.ts'

const NODES = [0, 1, 2] as const
export type RabbitNode = (typeof NODES)[number]
const RELEASE = 'trixie'
const PATIENCE_MS = 120_000

/** Three RabbitMQ 4 nodes; those that find themselves without a majority stop serving. */
export class RabbitCluster implements AsyncDisposable {
  readonly nodes = NODES
  readonly #recipe = rabbitmq('RabbitMQ 4', RELEASE, 0)
  // Not in the system's folder for such: the nodes have one of their own there.
  readonly #dir = mkdtempSync(join(home, 'rabbitmq-cluster-'))
  readonly #places: readonly Place[]
  readonly #running = new Map<RabbitNode, Identity>()
  #mapper: Identity | undefined
  readonly #away = new Set<RabbitNode>()

  private constructor(bases: readonly number[]) {
    this.#places = NODES.map(node => {
      const dir = join(this.#dir, String(node))
      mkdirSync(join(dir, 'home'), { recursive: true })
      // Who knows it belongs to the cluster. Erlang takes it from nobody else's reach only.
      writeFileSync(join(dir, 'home/.erlang.cookie'), 'sluice')
      chmodSync(join(dir, 'home/.erlang.cookie'), 0o400)
      return { name: `sluice${bases[0]}-${node}`, dir, log: join(dir, 'log'), base: bases[node]! }
    })
    const discovery = this.#places.map(
      ({ name }, i) => `cluster_formation.classic_config.nodes.${i + 1} = ${name}@localhost`,
    )
    const configuration = `cluster_formation.peer_discovery_backend = classic_config
${discovery.join('\n')}
cluster_partition_handling = pause_minority
net_ticktime = 4
`
    for (const place of this.#places) writeNode(place, { mapper: bases[0]! + 5, configuration })
  }

  static async start(): Promise<RabbitCluster> {
    const bases: number[] = []
    for (const _ of NODES) bases.push(await freeBlock(new Set(bases)))
    const cluster = new RabbitCluster(bases)
    try {
      await cluster.#recipe.install()
      cluster.#mapper = await launchMapper(RELEASE, cluster.#places[0]!)
      await Promise.all(NODES.map(node => cluster.#launch(node)))
      await Promise.all(NODES.map(node => cluster.#started(node)))
      return cluster
    } catch (error) {
      await cluster[Symbol.asyncDispose]()
      throw error
    }
  }

  /** Of the first node that is there. */
  get url(): string {
    return this.#info(NODES.find(node => !this.#away.has(node)) ?? 0).url
  }

  /** Of the first node that is there. */
  get management(): NonNullable<BrokerInfo['management']> {
    return this.#info(NODES.find(node => !this.#away.has(node)) ?? 0).management!
  }

  /** `host:port` of each. */
  get hosts(): readonly string[] {
    return NODES.map(node => new URL(this.#info(node).url).host)
  }

  /** SIGKILL; resolves when it is gone. */
  async kill(node: RabbitNode): Promise<void> {
    this.#away.add(node)
    signal(this.#running.get(node)!, 'SIGKILL')
    await waitForExit(this.#running.get(node)!, 60_000)
  }

  /** SIGTERM; resolves when it is gone. */
  async stop(node: RabbitNode): Promise<void> {
    this.#away.add(node)
    await terminate(this.#running.get(node)!)
  }

  /** Starts a node that is gone; resolves when it serves. */
  async restart(node: RabbitNode): Promise<void> {
    await this.#launch(node)
    await this.#started(node)
  }

  async #launch(node: RabbitNode): Promise<void> {
    this.#running.set(node, await launchNode(RELEASE, this.#places[node]!))
  }

  async #started(node: RabbitNode): Promise<void> {
    const deadline = performance.now() + PATIENCE_MS
    const place = this.#places[node]!
    while (!(await this.#recipe.answers(place).catch(() => false))) {
      if (!isAlive(this.#running.get(node)!) || performance.now() > deadline)
        throw new KitError(
          `Node ${node} of the RabbitMQ cluster does not start:\n${lastLines(readFileSync(place.log, 'utf8'))}`,
        )
      await sleep(100)
    }
    this.#away.delete(node)
  }

  #info(node: RabbitNode): Pick<BrokerInfo, 'url' | 'management'> {
    return this.#recipe.info(this.#places[node]!)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const each of [...this.#running.values(), this.#mapper]) if (each) signal(each, 'SIGKILL')
    for (const each of [...this.#running.values(), this.#mapper]) if (each) await waitForExit(each, 60_000)
    rmSync(this.#dir, { recursive: true, force: true })
  }
}
