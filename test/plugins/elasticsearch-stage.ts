import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { given } from '../brokers/given.ts'
import { GatewayFolder, type GatewayProcess } from '../faults/gateway-process.ts'
import { type Outgoing, until } from '../streams/ends.ts'
import { RabbitEnd } from '../streams/rabbit-end.ts'
import { Index, type IndexOptions } from './elasticsearch-index.ts'
import { ElasticsearchServer } from './elasticsearch-server.ts'

const root = join(import.meta.dirname, '../..')

export interface StageOptions {
  /** More of the route, indented by four. */
  readonly more?: string
  readonly index?: IndexOptions
}

/** The route of examples/rabbitmq-to-elasticsearch.yaml between a RabbitMQ and a stand-in, with names of its own. */
export class ElasticsearchStage implements AsyncDisposable {
  readonly name = `elastic.${randomUUID().slice(0, 8)}`
  readonly server: ElasticsearchServer
  readonly index: Index
  readonly #folder: GatewayFolder
  readonly #url = given('rabbitmq4').url
  readonly gateways: GatewayProcess[] = []

  private constructor(server: ElasticsearchServer, { more = '', index }: StageOptions) {
    this.server = server
    this.index = new Index(index)
    server.indices.set(this.name, this.index)
    const example = readFileSync(join(root, 'examples/rabbitmq-to-elasticsearch.yaml'), 'utf8')
    const yaml = example
      .replaceAll(/\b(queue|index): orders\b/g, `$1: ${this.name}`)
      .replace('../plugins', join(root, 'plugins'))
      .replace('${env.RABBITMQ_URL}', this.#url)
      .replace('${env.ELASTICSEARCH_URL}', server.url)
    this.#folder = new GatewayFolder(`admin: false\n${yaml}${more}`)
  }

  static async open(options: StageOptions = {}): Promise<ElasticsearchStage> {
    const stage = new ElasticsearchStage(await ElasticsearchServer.start(), options)
    for (const name of [stage.name, stage.dead]) {
      await using end = await stage.#end(name)
      await end.channel.assertQueue(name, { durable: true, arguments: { 'x-queue-type': 'quorum' } })
    }
    return stage
  }

  get dead(): string {
    return `${this.name}.refused`
  }

  #end(queue = this.name): Promise<RabbitEnd> {
    return RabbitEnd.open({ url: this.#url, queue, type: 'none' })
  }

  async send(messages: readonly Outgoing[]): Promise<void> {
    await using end = await this.#end()
    await end.send(messages)
  }

  async gateway(): Promise<GatewayProcess> {
    const gateway = await this.#folder.start()
    this.gateways.push(gateway)
    return gateway
  }

  async until(what: string, met: () => boolean | Promise<boolean>): Promise<void> {
    const state = () => `${what}; ${this.index.writes} writes; the gateway said:\n${this.gateways.at(-1)?.tail}`
    await until(state, met)
  }

  /** Waits until the index is as it has to be, and so many are put aside; stops the last gateway, which must owe nothing. */
  async finish(done: () => boolean, putAside = 0): Promise<void> {
    await this.until('all is written', done)
    await using dead = await this.#end(this.dead)
    await this.until(`${putAside} are put aside`, async () => (await dead.left()) >= putAside)
    await using end = await this.#end()
    // Copies may come last.
    await this.until('nothing waits', async () => (await end.left()) === 0)
    const code = await this.gateways.at(-1)!.stop()
    if (code !== 0) throw new Error(`the gateway ended with ${code}:\n${this.gateways.at(-1)!.tail}`)
    if ((await end.left()) !== 0) throw new Error(`${await end.left()} are left unacknowledged`)
  }

  /** `id: CODE: words` of each dead letter. Empties the queue. */
  async deadReasons(): Promise<readonly string[]> {
    await using queue = await this.#end(this.dead)
    const letters = await queue.drain()
    return letters.map(
      one => `${one.id}: ${one.headers.get('sluice-dead-reason')}: ${one.headers.get('sluice-dead-message')}`,
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const gateway of this.gateways) await gateway.kill()
    this.#folder[Symbol.dispose]()
    await this.server[Symbol.asyncDispose]()
    for (const name of [this.name, this.dead]) {
      await using end = await this.#end(name)
      await end.channel.deleteQueue(name)
    }
  }
}
