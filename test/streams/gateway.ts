import { check } from '../../src/config/check.ts'
import type { Problem } from '../../src/config/problem.ts'
import { Source } from '../../src/config/source.ts'
import type { Log, TransformFactory } from '../../src/core/ports.ts'
import { Registry } from '../../src/core/registry.ts'
import { DRIVERS } from '../../src/drivers/index.ts'
import { Gateway } from '../../src/engine/gateway.ts'
import type { RouteStatus } from '../../src/engine/route-status.ts'
import { builtinStores } from '../../src/stores/builtin.ts'
import { builtinTransforms } from '../../src/transforms/builtin.ts'
import { carried, PATIENCE, type SourceEnd, until } from './ends.ts'

/** Fills a template of routes.yaml: `$NAME` becomes the value as JSON, which is YAML; an object loses its braces. */
export function fill(template: string, variables: Readonly<Record<string, unknown>>): string {
  return template.replace(/\$([A-Z]+)\b/g, (name, variable: string) => {
    if (!(variable in variables)) throw new Error(`nothing is given for ${name}`)
    const text = JSON.stringify(variables[variable])
    return text.startsWith('{') ? text.slice(1, -1) : text
  })
}

/** A gateway in this process, from a text of routes.yaml through load, check and engine to the real drivers. */
export class RunningGateway implements AsyncDisposable {
  /** Everything it logged, from `info` up. */
  readonly lines: string[]
  readonly gateway: Gateway
  #stopped = false

  private constructor(gateway: Gateway, lines: string[]) {
    this.gateway = gateway
    this.lines = lines
  }

  /** Throws the problems of the text. `transforms` are there as those of a plug-in would be. */
  static async start(yaml: string, transforms: readonly TransformFactory[] = []): Promise<RunningGateway> {
    const registry = new Registry().add(builtinTransforms).add(builtinStores)
    const drivers = await Promise.all(DRIVERS.map(entry => entry.load()))
    registry.add({ name: 'drivers', drivers }).add({ name: 'test', transforms })
    const baseDir = import.meta.dirname
    const readFile = (path: string): never => {
      throw new Error(`no file ${path}`)
    }
    const checked = check(new Source('routes.yaml', yaml), { registry, baseDir, sources: { env: {}, readFile } })
    if (checked.config === undefined || checked.problems.length > 0)
      throw new Error(`routes.yaml of this test: ${checked.problems.map(sentence).join('; ')}\n${yaml}`)
    const lines: string[] = []
    const gateway = new Gateway({ config: checked.config, registry, log: logInto(lines), baseDir })
    gateway.start()
    return new RunningGateway(gateway, lines)
  }

  get route(): RouteStatus {
    return this.gateway.status[0]!
  }

  /** The sum of a metric over its labels. */
  async metric(name: string): Promise<number> {
    let sum = 0
    for (const line of (await this.gateway.metrics()).split('\n'))
      if (line.startsWith(`${name}{`)) sum += Number(line.slice(line.lastIndexOf(' ')))
    return sum
  }

  /** Resolves when the first route has settled `count` messages or more, and has nothing in hand. */
  settled(count: number): Promise<void> {
    // Received is not enough: a consumer of RabbitMQ that changes its prefetch gives all back.
    return this.until(`${count} messages are settled`, one => one.settled >= count && one.inFlight === 0)
  }

  /** `carried` of ends.ts, with nothing in hand. */
  carried(source: SourceEnd, what: string, there: () => boolean): Promise<void> {
    return carried(source, this.#state(what), () => this.route.inFlight === 0 && there())
  }

  async until(what: string, met: (route: RouteStatus) => boolean, ms = PATIENCE): Promise<void> {
    await until(this.#state(what), () => met(this.route), ms)
  }

  #state(what: string): () => string {
    return () => `${what}; the route: ${JSON.stringify(this.route)}; its log:\n${this.lines.slice(-20).join('\n')}`
  }

  /** As SIGTERM does: drains and closes. */
  async stop(drainMs = 20_000): Promise<void> {
    if (this.#stopped) return
    this.#stopped = true
    await this.gateway.stop(drainMs)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#stopped) await this.stop(0)
  }
}

const sentence = ({ line, col, message, hint }: Problem) => `${line}:${col} ${message} (${hint ?? ''})`

function logInto(lines: string[]): Log {
  const write = (_fields: object, message: string) => void lines.push(message)
  return { debug: () => {}, info: write, warn: write, error: write }
}
