import type { GatewayFolder, GatewayProcess } from '../faults/gateway-process.ts'
import { until } from '../streams/ends.ts'

/** What a route's metrics say. */
export interface Tally {
  readonly up: boolean
  readonly delivered: number
  readonly inFlight: number
}

/** One gateway process with its metrics. */
export class MeteredGateway implements AsyncDisposable {
  readonly process: GatewayProcess
  readonly #metrics: string

  private constructor(process: GatewayProcess, url: string) {
    this.process = process
    this.#metrics = `${url}/metrics`
  }

  static async start(folder: GatewayFolder): Promise<MeteredGateway> {
    const process = await folder.start()
    return new MeteredGateway(process, String((await process.says('started'))['admin']))
  }

  async tally(route: string): Promise<Tally> {
    const text = await (await fetch(this.#metrics, { signal: AbortSignal.timeout(30_000) })).text()
    const read = (name: string) => {
      const start = `sluice_${name}{route="${route}"} `
      const line = text.split('\n').find(each => each.startsWith(start))
      return line === undefined ? 0 : Number(line.slice(start.length))
    }
    return {
      up: read('route_up') === 1,
      delivered: read('delivered_total'),
      inFlight: read('in_flight'),
    }
  }

  /** Resolves when every route has met it; says which has not. */
  async each(
    routes: readonly string[],
    what: string,
    met: (tally: Tally, route: string) => boolean | Promise<boolean>,
  ) {
    let waiting: string[] = [...routes]
    await until(
      () => `${what}: not ${waiting.join(', ')}; the gateway says:\n${this.process.tail}`,
      async () => {
        const still: string[] = []
        for (const route of waiting) if (!(await met(await this.tally(route), route))) still.push(route)
        waiting = still
        return waiting.length === 0
      },
    )
  }

  kill(): Promise<void> {
    return this.process.kill()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process.kill()
  }
}
