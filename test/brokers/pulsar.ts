import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { home } from './home.ts'
import { downloadJars, requireJava17 } from './java.ts'
import type { Place, Recipe } from './kinds.ts'
import { launch } from './processes.ts'
import { pulsarAdmin, pulsarKeys, pulsarToken } from './pulsar-login.ts'
import { requireCommands } from './system.ts'
import { ensureCertificates, tls } from './tls.ts'

const version = '4.2.4'
const title = `Pulsar ${version}`
const kit = join(import.meta.dirname, 'pulsar')
const jars = join(home, `pulsar-${version}`)

/** Offsets in an instance's block of ports. `plain` and `tls` carry the WebSocket API and the admin API alike. */
const ports = { plain: 0, tls: 1, binary: 2, binaryTls: 3 } as const
const bookie = 4

/** An instance whose name begins with `auth` asks for a token or a client certificate, on all of its listeners. */
const hasLogins = (place: Place) => place.name.startsWith('pulsar-auth')

export const pulsar: Recipe = {
  title,
  base: 23_800,
  async install() {
    await requireCommands(title, ['java', 'mvn'])
    await ensureCertificates()
    await requireJava17(title)
    await downloadJars('Pulsar', join(kit, 'pom.xml'), jars)
  },
  async configure(place) {
    writeFileSync(join(place.dir, 'secret.key'), pulsarKeys.right)
    writeFileSync(join(place.dir, 'standalone.conf'), configuration(place))
  },
  async launch(place) {
    const args = [...java(), 'org.apache.pulsar.PulsarStandaloneStarter', ...starter(place)]
    const env = { PATH: process.env['PATH'] ?? '/usr/bin' }
    return { main: await launch({ command: 'java', args, cwd: place.dir, log: place.log, env }) }
  },
  async answers(place) {
    const admin = `http://127.0.0.1:${place.base + ports.plain}/admin/v2`
    const headers = { authorization: `Bearer ${pulsarToken(pulsarAdmin, key(place))}` }
    const ask = async (path: string) =>
      await (await fetch(`${admin}/${path}`, { headers, signal: AbortSignal.timeout(5_000) })).text()
    // The health check writes and reads a message. The default namespace is made a little later than the rest.
    return (await ask('brokers/health')) === 'ok' && (await ask('namespaces/public')).includes('public/default')
  },
  info(place) {
    const names = hasLogins(place) ? (['plain', 'tls', 'binary', 'binaryTls'] as const) : (['plain', 'binary'] as const)
    return {
      url: `ws://127.0.0.1:${place.base + ports.plain}`,
      listeners: Object.fromEntries(names.map(name => [name, `127.0.0.1:${place.base + ports[name]}`])),
    }
  },
}

// A test may have given the broker another key.
function key(place: Place): string {
  return readFileSync(join(place.dir, 'secret.key'), 'utf8')
}

// Pulsar's own start script opens these to its byte buffers and its metrics.
const opened = [
  ...['sun.net', 'java.lang', 'java.nio', 'java.io', 'java.util.zip', 'sun.nio.ch'].map(name => `java.base/${name}`),
  ...['java.base/jdk.internal.misc', 'java.base/jdk.internal.platform'],
  ...['java.management/sun.management', 'jdk.management/com.sun.management.internal'],
].flatMap(name => ['--add-opens', `${name}=ALL-UNNAMED`])

function java(): readonly string[] {
  // Half of a start is compiling: the simple compiler and collector take 14 s of a core instead of 29.
  return [
    ...[
      '-Xms128m',
      '-Xmx384m',
      '-XX:MaxDirectMemorySize=256m',
      '-XX:+UseSerialGC',
      '-XX:TieredStopAtLevel=1',
      ...opened,
    ],
    ...['-Djava.net.preferIPv4Stack=true', '-Dio.netty.tryReflectionSetAccessible=true'],
    ...['-Dpulsar.allocator.exit_on_oom=true', `-Dlog4j2.configurationFile=${join(kit, 'log4j2.yaml')}`],
    ...['-cp', `${jars}/*`],
  ]
}

function starter(place: Place): readonly string[] {
  return [
    ...['--config', join(place.dir, 'standalone.conf'), '--advertised-address', '127.0.0.1'],
    ...['--no-functions-worker', '--no-stream-storage', '--num-bookies', '1', '--bookkeeper-port', bookiePort(place)],
    ...['--metadata-dir', join(place.dir, 'metadata'), '--bookkeeper-dir', join(place.dir, 'bookkeeper')],
  ]
}

// A bookie is known by its host and port: kept data want the port they were written under, in whatever block we are.
function bookiePort(place: Place): string {
  try {
    const cookie = readFileSync(join(place.dir, 'bookkeeper/current/VERSION'), 'utf8')
    return /^bookieHost: ".*:(\d+)"$/m.exec(cookie)?.[1] ?? String(place.base + bookie)
  } catch {
    return String(place.base + bookie)
  }
}

/** Only what differs from Pulsar's defaults. */
function configuration(place: Place): string {
  return `clusterName=standalone
bindAddress=127.0.0.1
advertisedAddress=127.0.0.1
brokerServicePort=${place.base + ports.binary}
webServicePort=${place.base + ports.plain}
webSocketServiceEnabled=true
# 1 MiB by default, which is three quarters of that as base64; above the 5 MiB a message may have.
webSocketMaxTextFrameSize=8388608
brokerShutdownTimeoutMs=3000
brokerDeleteInactiveTopicsEnabled=false
allowAutoTopicCreation=true
allowAutoTopicCreationType=non-partitioned
acknowledgmentAtBatchIndexLevelEnabled=true
loadBalancerEnabled=false
transactionCoordinatorEnabled=false
managedLedgerDefaultEnsembleSize=1
managedLedgerDefaultWriteQuorum=1
managedLedgerDefaultAckQuorum=1
managedLedgerCacheSizeMB=32
defaultNumberOfNamespaceBundles=4
numIOThreads=2
numHttpServerThreads=8
numOrderedExecutorThreads=2
numExecutorThreadPoolSize=2
webSocketNumIoThreads=2
webSocketNumServiceThreads=4
bookiePort=${place.base + bookie}
allowLoopback=true
listeningInterface=lo
advertisedAddressBookie=127.0.0.1
nettyMaxFrameSizeBytes=5253120
journalSyncData=false
journalMaxSizeMB=64
dbStorage_writeCacheMaxSizeMb=32
dbStorage_readAheadCacheMaxSizeMb=16
dbStorage_rocksDB_blockCacheSize=16777216
diskUsageThreshold=0.99
diskUsageWarnThreshold=0.98
# Without it the bookie takes a random port at each start, whatever it is told.
allowEphemeralPorts=true
${hasLogins(place) ? logins(place) : ''}`
}

function logins(place: Place): string {
  const authentication = 'org.apache.pulsar.broker.authentication'
  return `authenticationEnabled=true
authorizationEnabled=true
authenticationProviders=${authentication}.AuthenticationProviderToken,${authentication}.AuthenticationProviderTls
tokenSecretKey=file://${join(place.dir, 'secret.key')}
superUserRoles=${pulsarAdmin}
brokerClientAuthenticationPlugin=org.apache.pulsar.client.impl.auth.AuthenticationToken
brokerClientAuthenticationParameters=token:${pulsarToken(pulsarAdmin, key(place))}
brokerServicePortTls=${place.base + ports.binaryTls}
webServicePortTls=${place.base + ports.tls}
tlsCertificateFilePath=${tls.server.cert}
tlsKeyFilePath=${tls.server.key}
tlsTrustCertsFilePath=${tls.ca}
`
}
