import { BROKERS, type Broker, type BrokerName } from './brokers.ts'

export interface End {
  readonly broker: BrokerName
  /** Where it is; without a password. */
  readonly url: string
  /** Queue, topic or subject. */
  readonly name: string
}

export interface Answers {
  readonly from: End
  readonly to: End
  readonly route: string
}

interface Connection {
  readonly name: string
  readonly variable: string
  readonly url: string
}

/** The commented routes.yaml and its tests. What is written passes `sluice check` and `sluice test`. */
export function firstFiles(answers: Answers): { readonly config: string; readonly tests: string } {
  return { config: config(answers), tests: tests(answers) }
}

/** Environment variables in which the urls may be given. */
export function variables({ from, to }: Answers): readonly string[] {
  return [...new Set(connectionsOf(from, to).map(({ variable }) => variable))]
}

function config({ from, to, route }: Answers): string {
  const [source, target] = connectionsOf(from, to)
  const [reads, writes]: [Broker, Broker] = [BROKERS[from.broker], BROKERS[to.broker]]
  const connections = [...new Map([source, target].map(one => [one.name, one])).values()]
  return `# yaml-language-server: $schema=./routes.schema.json
#
# What Sluice does: ${reads.title} → ${writes.title}. \`sluice check\` says what is wrong with this file, \`sluice test\` runs
# routes.test.yaml without brokers, \`sluice doctor\` asks the brokers, \`sluice run\` carries messages.
# \`sluice schema > routes.schema.json\` lets editors complete it.
version: 1

# The brokers, by name. \${…} is evaluated once, when this file is loaded: env.NAME, and file('/run/secrets/password').
connections:
${connections.map(connectionText).join('\n')}

# In routes \${…} is evaluated for each message: id, key, subject, headers, body, timestamp, source.
routes:
  ${route}:
    from:
      connection: ${source.name}
${indented(reads.from(from.name, route))}

    # Steps, in this order. The body is decoded because they read it; a route that does not read it never parses it.
    # transform:
    #   - filter: \${body.total > 0}
    #   - set: { headers: { region: "\${body.region}" } }
    #   - validate: schemas/order.json # a body that does not match is dead-lettered

    to:
      connection: ${target.name}
${indented(writes.to(to.name))}

    # A message that is delivered twice goes out once. \`file\` remembers through a kill -9, in .sluice/dedup.
    dedup: { by: "\${id}", window: 10m, store: file }

    # For a message that fails and may do well later. A broker that is away uses up no attempt: the route waits for it.
    retry: { attempts: 8, backoff: { initial: 100ms, max: 30s } }

    # Where a message goes that cannot go on, with its reason: \`sluice dlq list ${route}\`.
${deadLetter([source, reads, from.name], [target, writes, to.name])}

    # Most messages on the way at once.
    inFlight: 1000
`
}

function connectionsOf(from: End, to: End): readonly [Connection, Connection] {
  const one = ({ broker, url }: End, suffix: string): Connection => ({
    name: `${BROKERS[broker].variable.replace(/_URL$/, '').toLowerCase()}${suffix && `-${suffix}`}`,
    variable: BROKERS[broker].variable.replace(/_URL$/, `${suffix && `_${suffix.toUpperCase()}`}_URL`),
    url,
  })
  const alike = BROKERS[from.broker].variable === BROKERS[to.broker].variable
  // Two kinds at one place are one connection; two places of one kind are told apart.
  if (alike && from.url !== to.url) return [one(from, 'source'), one(to, 'target')]
  return [one(from, ''), one(to, '')]
}

const connectionText = ({ name, variable, url }: Connection): string =>
  `  ${name}:\n    url: '\${env.?${variable}.orValue("${url}")}'`

function deadLetter(...ends: readonly (readonly [Connection, Broker, string])[]): string {
  const kept = ends.find(([, broker]) => broker.durable)
  if (kept === undefined)
    return '    # Core NATS keeps nothing, so there is no place for it: it is dropped and counted.\n    deadLetter: discard'
  const [{ name }, broker, place] = kept
  return `    deadLetter:\n      connection: ${name}\n${indented(broker.dead(place))}`
}

const indented = (lines: readonly string[]): string => lines.map(line => `      ${line}`).join('\n')

function tests({ from, to, route }: Answers): string {
  const target = BROKERS[to.broker].target(to.name)
  return `# Tests of routes.yaml: \`sluice test\` needs no broker. \`sluice schema --tests > route-tests.schema.json\` helps editors.
version: 1
route: ${route}
tests:
  - name: a message of ${from.name} goes to ${to.name} as it is
    given: { id: m-1, key: u-1, headers: { region: eu }, body: { total: 12 } }
    expect:
      messages:
        - { to: ${target}, key: u-1, headers: { region: eu }, body: { total: 12 }, exact: true }

  - name: what is delivered twice goes out once
    given:
      - { id: m-1, body: { total: 12 } }
      - { id: m-1, body: { total: 12 } }
    expect: { messages: [{ body: { total: 12 } }], deduplicated: 1 }
`
}
