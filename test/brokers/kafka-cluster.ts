import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { lastLines } from './commands.ts'
import { formatKafka, kafka, launchKafka } from './kafka.ts'
import { KitError } from './kit-error.ts'
import { freeBlock } from './ports.ts'
import { freeze, type Identity, isAlive, signal, terminate, waitForExit } from './processes.ts'

const NODES = [1, 2, 3] as const
export type KafkaNode = (typeof NODES)[number]
const PATIENCE_MS = 120_000

/** Three Kafka brokers, each a controller, too: topics have three replicas, two of which must have what is confirmed. */
export class KafkaCluster implements AsyncDisposable {
  readonly nodes = NODES
  /** All brokers: `kafka://host:port,host:port,host:port`. */
  readonly url: string
  readonly #dir = mkdtempSync(join(tmpdir(), 'sluice-kafka-cluster-'))
  readonly #base: number
  readonly #running = new Map<KafkaNode, Identity>()

  private constructor(base: number) {
    this.#base = base
    this.url = `kafka://${NODES.map(node => `127.0.0.1:${base + node}`)}`
  }

  static async start(): Promise<KafkaCluster> {
    await kafka.install()
    const cluster = new KafkaCluster(await freeBlock(new Set()))
    try {
      for (const node of NODES) {
        writeFileSync(cluster.#file(node), cluster.#configuration(node))
        await formatKafka(cluster.#file(node))
      }
      await Promise.all(NODES.map(node => cluster.#launch(node)))
      await Promise.all(NODES.map(node => cluster.#started(node)))
      return cluster
    } catch (error) {
      await cluster[Symbol.asyncDispose]()
      throw error
    }
  }

  /** SIGKILL; resolves when it is gone. */
  async kill(node: KafkaNode): Promise<void> {
    const broker = this.#running.get(node)!
    signal(broker, 'SIGKILL')
    await waitForExit(broker, 60_000)
  }

  /** SIGTERM: it hands its partitions over first. Resolves when it is gone. */
  async stop(node: KafkaNode): Promise<void> {
    await terminate(this.#running.get(node)!)
  }

  freeze(node: KafkaNode): void {
    freeze(this.#running.get(node)!)
  }

  thaw(node: KafkaNode): void {
    signal(this.#running.get(node)!, 'SIGCONT')
  }

  /** Starts a broker that is gone; resolves when it takes part again, which is before its replicas are in sync. */
  async restart(node: KafkaNode): Promise<void> {
    await this.#launch(node)
    await this.#started(node)
  }

  async #launch(node: KafkaNode): Promise<void> {
    this.#running.set(node, await launchKafka(this.#dir, `${node}.properties`, this.#log(node)))
  }

  async #started(node: KafkaNode): Promise<void> {
    const deadline = performance.now() + PATIENCE_MS
    while (!readFileSync(this.#log(node), 'utf8').includes('Kafka Server started')) {
      if (!isAlive(this.#running.get(node)!) || performance.now() > deadline)
        throw new KitError(
          `Broker ${node} of the Kafka cluster does not start:\n${lastLines(readFileSync(this.#log(node), 'utf8'))}`,
        )
      await sleep(50)
    }
  }

  #file(node: KafkaNode): string {
    return join(this.#dir, `${node}.properties`)
  }

  #log(node: KafkaNode): string {
    return join(this.#dir, `${node}.log`)
  }

  #configuration(node: KafkaNode): string {
    const [plain, controller] = [this.#base + node, this.#base + 3 + node]
    return `process.roles=broker,controller
node.id=${node}
controller.quorum.voters=${NODES.map(each => `${each}@127.0.0.1:${this.#base + 3 + each}`)}
controller.listener.names=CONTROLLER
listeners=PLAIN://127.0.0.1:${plain},CONTROLLER://127.0.0.1:${controller}
advertised.listeners=PLAIN://127.0.0.1:${plain}
listener.security.protocol.map=PLAIN:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAIN
log.dirs=${join(this.#dir, `data-${node}`)}
auto.create.topics.enable=false
default.replication.factor=3
min.insync.replicas=2
num.network.threads=2
num.io.threads=4
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
transaction.abort.timed.out.transaction.cleanup.interval.ms=1000
# A broker that is dead or frozen is found out after 4 s, and a replica that is behind leaves the set after 4 s.
broker.session.timeout.ms=4000
broker.heartbeat.interval.ms=1000
replica.lag.time.max.ms=4000
offsets.topic.num.partitions=1
offsets.topic.replication.factor=3
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=3
transaction.state.log.min.isr=2
log.segment.bytes=134217728
log.retention.ms=-1
log.cleaner.dedupe.buffer.size=16777216
`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Together: the last of three cannot hand anything over, and would wait for somebody to take it.
    for (const broker of this.#running.values()) signal(broker, 'SIGKILL')
    for (const broker of this.#running.values()) await waitForExit(broker, 60_000)
    rmSync(this.#dir, { recursive: true, force: true })
  }
}
