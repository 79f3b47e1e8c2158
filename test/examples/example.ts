import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { given } from '../brokers/given.ts'
import { GatewayFolder, type GatewayProcess } from '../faults/gateway-process.ts'

const URLS = {
  RABBITMQ_URL: () => given('rabbitmq4').url,
  KAFKA_URL: () => given('kafka').url,
  NATS_URL: () => given('nats').url,
  PULSAR_URL: () => given('pulsar').url,
}

/** Runs a file of `examples/` as it is, on the brokers of the tests. */
export class Example implements AsyncDisposable {
  readonly gateway: GatewayProcess
  readonly #folder: GatewayFolder

  private constructor(gateway: GatewayProcess, folder: GatewayFolder) {
    this.gateway = gateway
    this.#folder = folder
  }

  static async start(name: string): Promise<Example> {
    let text = readFileSync(join(import.meta.dirname, `../../examples/${name}.yaml`), 'utf8')
    for (const [variable, url] of Object.entries(URLS)) text = text.replaceAll(`\${env.${variable}}`, () => url())
    const folder = new GatewayFolder(`${text}\nadmin: false\n`)
    return new Example(await folder.start(), folder)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.gateway.kill()
    this.#folder[Symbol.dispose]()
  }
}
