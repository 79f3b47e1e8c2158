import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { must } from './commands.ts'
import { home } from './home.ts'
import { downloadJars, requireJava17 } from './java.ts'
import { coordinates } from './kafka-probe.ts'
import type { Place, Recipe } from './kinds.ts'
import { lock } from './lock.ts'
import { type Identity, launch } from './processes.ts'
import { requireCommands } from './system.ts'
import { ensureCertificates, tls } from './tls.ts'

const version = '4.4.0'
const kit = join(import.meta.dirname, 'kafka')
const downloads = join(home, `kafka-${version}`)
const jars = join(downloads, 'lib')
const formatted = join(downloads, 'formatted')

/** Known to SASL PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512 alike. */
export const kafkaUsers = { alice: 'alice-secret', bob: 'bob-secret' } as const

/** Offsets in an instance's block of ports, by the name the listener has in BrokerInfo. */
const listeners = { plain: 2, saslTls: 3, saslPlain: 4, mutualTls: 5, tls: 6 } as const
const protocols = {
  plain: 'PLAINTEXT',
  saslTls: 'SASL_SSL',
  saslPlain: 'SASL_PLAINTEXT',
  mutualTls: 'SSL',
  tls: 'SSL',
} as const
const controller = 7
// Clients of this listener are sent on to `proxyPort`, where a test may put its proxy.
const proxied = 8
const proxyPort = 9

export const kafka: Recipe = {
  title: `Kafka ${version}`,
  base: 23_090,
  async install() {
    await requireCommands(`Kafka ${version}`, ['java', 'mvn'])
    await ensureCertificates()
    await requireJava17(`Kafka ${version}`)
    await downloadJars('Kafka', join(kit, 'pom.xml'), jars)
  },
  async configure(place) {
    writeFileSync(join(place.dir, 'server.properties'), configuration(place))
    const logs = join(place.dir, 'logs')
    if (existsSync(logs)) return
    await formatOnce(place)
    cpSync(formatted, logs, { recursive: true })
  },
  async launch(place) {
    return { main: await launchKafka(place.dir, 'server.properties', place.log) }
  },
  async answers(place) {
    return /Kafka Server started/.test(readFileSync(place.log, 'utf8')) && coordinates(place.base + listeners.plain)
  },
  info(place) {
    const addresses = Object.entries(listeners).map(([name, offset]) => [name, `127.0.0.1:${place.base + offset}`])
    return {
      url: `kafka://127.0.0.1:${place.base + listeners.plain}`,
      listeners: Object.fromEntries(addresses),
      proxy: { port: place.base + proxyPort, to: `127.0.0.1:${place.base + proxied}` },
    }
  },
}

/** Starts a broker by a configuration file of a folder, once the recipe is installed. */
export function launchKafka(cwd: string, configuration: string, log: string): Promise<Identity> {
  const memory = ['-Xms128m', '-Xmx512m', '-XX:+UseG1GC', '-XX:MaxGCPauseMillis=20']
  const args = [...memory, ...java(), 'kafka.Kafka', join(cwd, configuration)]
  return launch({ command: 'java', args, cwd, log, env: { PATH: process.env['PATH'] ?? '/usr/bin' } })
}

/** Makes the empty data directory that a configuration file names. `users`: arguments that add some. */
export async function formatKafka(configuration: string, users: readonly string[] = []): Promise<void> {
  const format = ['format', '--cluster-id', 'c2x1aWNlLXRlc3Qta2l0AA', '--config', configuration, ...users]
  await must('A data directory for Kafka could not be made', 'java', [...java(), 'kafka.tools.StorageTool', ...format])
}

function java(): readonly string[] {
  return ['-Djava.awt.headless=true', `-Dlog4j2.configurationFile=${join(kit, 'log4j2.yaml')}`, '-cp', `${jars}/*`]
}

/** A formatted, empty data directory with the users in it, made once (a JVM start and key stretching) and copied after. */
async function formatOnce(place: Place): Promise<void> {
  await using _ = await lock(join(home, 'locks/kafka-format'))
  if (existsSync(formatted)) return
  const users = Object.entries(kafkaUsers).flatMap(([name, password]) =>
    ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap(kind => ['--add-scram', `${kind}=[name=${name},password=${password}]`]),
  )
  const dir = join(place.dir, 'logs')
  mkdirSync(dir)
  await formatKafka(join(place.dir, 'server.properties'), users)
  renameSync(dir, formatted)
}

function configuration(place: Place): string {
  const names = Object.keys(listeners) as (keyof typeof listeners)[]
  const addresses = names.map(name => `${name.toUpperCase()}://127.0.0.1:${place.base + listeners[name]}`)
  const security = names.map(name => `${name.toUpperCase()}:${protocols[name]}`)
  const passwords = Object.entries(kafkaUsers).map(([name, password]) => `user_${name}="${password}"`)
  const modules = 'org.apache.kafka.common.security'
  const logins = ['sasltls', 'saslplain'].flatMap(name => [
    `listener.name.${name}.scram-sha-256.sasl.jaas.config=${modules}.scram.ScramLoginModule required;`,
    `listener.name.${name}.scram-sha-512.sasl.jaas.config=${modules}.scram.ScramLoginModule required;`,
    `listener.name.${name}.plain.sasl.jaas.config=${modules}.plain.PlainLoginModule required ${passwords.join(' ')};`,
  ])
  return `process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:${place.base + controller}
controller.listener.names=CONTROLLER
listeners=${addresses.join(',')},PROXIED://127.0.0.1:${place.base + proxied},CONTROLLER://127.0.0.1:${place.base + controller}
advertised.listeners=${addresses.join(',')},PROXIED://127.0.0.1:${place.base + proxyPort}
listener.security.protocol.map=${security.join(',')},PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAIN
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
${logins.join('\n')}
ssl.keystore.type=PEM
ssl.keystore.location=${tls.server.pem}
ssl.truststore.type=PEM
ssl.truststore.location=${tls.ca}
listener.name.mutualtls.ssl.client.auth=required
log.dirs=${join(place.dir, 'logs')}
auto.create.topics.enable=false
num.partitions=3
num.network.threads=2
num.io.threads=4
group.initial.rebalance.delay.ms=0
# What no ACL names is open to everybody; what one names, to those it names. Whoever comes without a login may do anything.
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
allow.everyone.if.no.acl.found=true
super.users=User:ANONYMOUS
# So that tests need not wait long for what a killed gateway leaves: its place in the group, and open transactions.
group.min.session.timeout.ms=1000
transaction.abort.timed.out.transaction.cleanup.interval.ms=1000
# After a SIGKILL the controller refuses the new broker until the old one's session is over (9 s by default).
broker.session.timeout.ms=4000
broker.heartbeat.interval.ms=1000
# One partition each: when its coordinator answers, all groups and transactions are served.
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
log.segment.bytes=134217728
# Records keep the time of their message: whatever is older than the retention, be it minutes old in the log, would go with the next
# look (every five minutes).
log.retention.ms=-1
log.cleaner.dedupe.buffer.size=16777216
`
}
