import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Ends } from './load.ts'
import type { Pair } from './options.ts'

const USER = '"${headers.user_id}"'

/** Writes the routes file of a run: order by key on, everything else as shipped. `name` is that of both ends. */
export function writeRoutes(pair: Pair, ends: Ends, name: string): string {
  const [from, to] = pair.split('-')
  const sources: Readonly<Record<string, string>> = {
    rabbitmq: `{ connection: shop, queue: ${name} }`,
    kafka: `{ connection: log, topics: [${name}], group: bench-${Date.now()}, from: earliest }`,
    jetstream: `{ connection: bus, stream: ${name}, consumer: bench }`,
    pulsar: `{ connection: pulsar, topic: ${name}, subscription: bench }`,
  }
  const targets: Readonly<Record<string, string>> = {
    rabbitmq: `{ connection: shop, queue: ${name} }`,
    kafka: `{ connection: log, topic: ${name}, key: ${USER} }`,
    jetstream: `{ connection: bus, stream: ${name}, subject: ${name}, key: ${USER} }`,
    pulsar: `{ connection: pulsar, topic: ${name}, key: ${USER} }`,
  }
  return writeYaml(
    ends,
    `  bench:
    from: ${sources[from!]}
    to: ${targets[to!]}
    order: { by: ${USER} }
`,
  )
}

/** Writes a file with the four brokers as connections and these routes, indented by two. */
export function writeYaml(ends: Ends, routes: string): string {
  const file = join(mkdtempSync(join(tmpdir(), 'sluice-bench-')), 'routes.yaml')
  writeFileSync(
    file,
    `version: 1
admin: false
plugins: []
connections:
  shop: { url: "${ends.rabbitmq}" }
  log: { url: "${ends.kafka}" }
  bus: { url: "${ends.nats}" }
${ends.pulsar === '' ? '' : `  pulsar: { url: "${ends.pulsar}" }\n`}routes:
${routes}`,
  )
  return file
}
