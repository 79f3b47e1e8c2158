import { mkdirSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { inside, unpackDebian } from './debian-root.ts'
import { home } from './home.ts'
import type { Place, Processes, Recipe } from './kinds.ts'
import { callManagement } from './management.ts'
import { type Identity, isAlive, launch } from './processes.ts'
import { clientName, ensureCertificates, tls } from './tls.ts'

/** Offsets in an instance's block of ports. */
const amqp = 2
const amqps = 1
const management = 3
const distribution = 4
const epmd = 5

// rabbitmq-server brings Erlang along; the rest is what its start script calls.
const packages = 'rabbitmq-server bash coreutils grep sed gawk procps util-linux libc-bin base-files hostname'.split(
  ' ',
)

/** RabbitMQ as packaged in one Debian release, run from a directory of its own beside whatever the machine has. */
export function rabbitmq(title: string, release: string, base: number): Recipe {
  return {
    title,
    base,
    async install() {
      await ensureCertificates()
      await unpackDebian(release, packages, rootOf(release))
    },
    async configure(place) {
      writeNode(place)
    },
    async launch(place, running) {
      const mapper = running['epmd'] && isAlive(running['epmd']) ? running['epmd'] : await launchMapper(release, place)
      return { epmd: mapper, main: await launchNode(release, place) } satisfies Processes
    },
    async answers(place) {
      if (!(await greets(place.base + amqp))) return false
      const access = { url: `http://127.0.0.1:${place.base + management}`, user: 'guest', password: 'guest' }
      await callManagement(access, 'GET', '/api/overview')
      // The user that a client certificate logs in by EXTERNAL; it has no password.
      await callManagement(access, 'PUT', `/api/users/${clientName}`, { password_hash: '', tags: '' })
      const all = { configure: '.*', write: '.*', read: '.*' }
      await callManagement(access, 'PUT', `/api/permissions/%2F/${clientName}`, all)
      return true
    },
    info(place) {
      const plain = `127.0.0.1:${place.base + amqp}`
      return {
        url: `amqp://guest:guest@${plain}`,
        listeners: { plain, tls: `127.0.0.1:${place.base + amqps}` },
        management: { url: `http://127.0.0.1:${place.base + management}`, user: 'guest', password: 'guest' },
      }
    },
  }
}

const rootOf = (release: string) => join(home, `debian-${release}`)

/** What a node has in common with others: the port mapper they are found by, and more of their configuration. */
export interface Company {
  readonly mapper: number
  readonly configuration: string
}

/** Writes what a node is started by into its folder. Alone it has a port mapper of its own. */
export function writeNode(place: Place, company: Company = { mapper: place.base + epmd, configuration: '' }): void {
  for (const name of ['home', 'mnesia', 'logs']) mkdirSync(join(place.dir, name), { recursive: true })
  writeFileSync(join(place.dir, 'rabbitmq.conf'), configuration(place) + company.configuration)
  writeFileSync(join(place.dir, 'enabled_plugins'), `[${plugins.join(',')}].\n`)
  const variables = environment(place, company.mapper)
  writeFileSync(join(place.dir, 'server.sh'), `${variables}exec /usr/lib/rabbitmq/bin/rabbitmq-server\n`)
  // In the foreground: Erlang would else start one that outlives the broker.
  writeFileSync(join(place.dir, 'epmd.sh'), `${variables}exec epmd -address 127.0.0.1 -port ${company.mapper}\n`)
}

/** Starts the node of this folder, once the recipe is installed. */
export function launchNode(release: string, place: Place): Promise<Identity> {
  return launchScript(release, place, 'server.sh', place.log)
}

/** Starts the port mapper of a node that is alone; resolves when it listens. */
export async function launchMapper(release: string, place: Place): Promise<Identity> {
  const mapper = await launchScript(release, place, 'epmd.sh', `${place.log}.epmd`)
  while (isAlive(mapper) && !(await accepts(place.base + epmd))) await new Promise(resolve => setTimeout(resolve, 20))
  return mapper
}

function launchScript(release: string, place: Place, script: string, log: string): Promise<Identity> {
  const [command, args] = inside(rootOf(release), join(place.dir, script))
  const env = { PATH: process.env['PATH'] ?? '/usr/sbin:/usr/bin' }
  return launch({ command, args, cwd: place.dir, log, env })
}

const plugins = ['rabbitmq_management', 'rabbitmq_auth_mechanism_ssl', 'rabbitmq_consistent_hash_exchange']

function configuration(place: Place): string {
  return `listeners.tcp.1 = 127.0.0.1:${place.base + amqp}
listeners.ssl.1 = 127.0.0.1:${place.base + amqps}
ssl_options.cacertfile = ${tls.ca}
ssl_options.certfile = ${tls.server.cert}
ssl_options.keyfile = ${tls.server.key}
ssl_options.verify = verify_peer
ssl_options.fail_if_no_peer_cert = false
ssl_cert_login_from = common_name
auth_mechanisms.1 = PLAIN
auth_mechanisms.2 = AMQPLAIN
auth_mechanisms.3 = EXTERNAL
management.tcp.ip = 127.0.0.1
management.tcp.port = ${place.base + management}
collect_statistics_interval = 1000
vm_memory_high_watermark.absolute = 1GB
disk_free_limit.absolute = 200MB
log.file = false
log.console = true
log.console.level = info
`
}

function environment(place: Place, mapper: number): string {
  const variables = {
    HOME: join(place.dir, 'home'), // the Erlang cookie is made here
    PATH: '/usr/lib/erlang/bin:/usr/bin:/usr/sbin',
    LANG: 'C.UTF-8',
    ERL_EPMD_PORT: mapper,
    ERL_EPMD_ADDRESS: '127.0.0.1',
    RABBITMQ_NODENAME: `${place.name}@localhost`,
    RABBITMQ_DIST_PORT: place.base + distribution,
    RABBITMQ_CONF_ENV_FILE: join(place.dir, 'rabbitmq-env.conf'),
    RABBITMQ_CONFIG_FILE: join(place.dir, 'rabbitmq.conf'),
    RABBITMQ_ADVANCED_CONFIG_FILE: join(place.dir, 'advanced.config'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(place.dir, 'enabled_plugins'),
    RABBITMQ_MNESIA_BASE: join(place.dir, 'mnesia'),
    RABBITMQ_LOG_BASE: join(place.dir, 'logs'),
    // Two schedulers that do not spin while idle: the broker shares the machine with the tests.
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS:
      '-kernel inet_dist_use_interface {127,0,0,1} +S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none',
    // Makes the start script exec Erlang in its own place, so that our pid is the broker itself; -noinput then has to be
    // given by hand.
    RABBITMQ_ALLOW_INPUT: 1,
    RABBITMQ_SERVER_START_ARGS: '-noinput',
  }
  return Object.entries(variables)
    .map(([name, value]) => `export ${name}='${value}'\n`)
    .join('')
}

async function accepts(port: number): Promise<boolean> {
  const socket = connect({ host: '127.0.0.1', port })
  try {
    return await new Promise(resolve => {
      socket.once('connect', () => resolve(true))
      socket.once('error', () => resolve(false))
    })
  } finally {
    socket.destroy()
  }
}

/** AMQP 0-9-1: the server answers the protocol header with a method frame (type 1), Connection.Start. */
async function greets(port: number): Promise<boolean> {
  const socket = connect({ host: '127.0.0.1', port, timeout: 2000 })
  try {
    return await new Promise(resolve => {
      socket.once('connect', () => socket.write(Buffer.from('AMQP\x00\x00\x09\x01', 'latin1')))
      socket.once('data', data => resolve(data[0] === 1))
      for (const event of ['error', 'close', 'timeout']) socket.once(event, () => resolve(false))
    })
  } finally {
    socket.destroy()
  }
}
