import { mkdirSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { inside, unpackDebian } from './debian-root.ts'
import { home } from './home.ts'
import type { Place, Processes, Recipe } from './kinds.ts'
import { callManagement } from './management.ts'
import { isAlive, launch } from './processes.ts'
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
  const root = join(home, `debian-${release}`)
  return {
    title,
    base,
    async install() {
      await ensureCertificates()
      await unpackDebian(release, packages, root)
    },
    async configure(place) {
      for (const name of ['home', 'mnesia', 'logs']) mkdirSync(join(place.dir, name), { recursive: true })
      writeFileSync(join(place.dir, 'rabbitmq.conf'), configuration(place))
      writeFileSync(join(place.dir, 'enabled_plugins'), `[${plugins.join(',')}].\n`)
      writeFileSync(join(place.dir, 'server.sh'), `${environment(place)}exec /usr/lib/rabbitmq/bin/rabbitmq-server\n`)
      // A port mapper of its own, in the foreground: Erlang would else start one that outlives the broker.
      const mapper = `exec epmd -address 127.0.0.1 -port ${place.base + epmd}\n`
      writeFileSync(join(place.dir, 'epmd.sh'), `${environment(place)}${mapper}`)
    },
    async launch(place, running) {
      const start = (script: string, log: string) => {
        const [command, args] = inside(root, join(place.dir, script))
        return launch({
          command,
          args,
          cwd: place.dir,
          log,
          env: { PATH: process.env['PATH'] ?? '/usr/sbin:/usr/bin' },
        })
      }
      const mapper =
        running['epmd'] && isAlive(running['epmd']) ? running['epmd'] : await start('epmd.sh', `${place.log}.epmd`)
      while (isAlive(mapper) && !(await accepts(place.base + epmd)))
        await new Promise(resolve => setTimeout(resolve, 20))
      return { epmd: mapper, main: await start('server.sh', place.log) } satisfies Processes
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

function environment(place: Place): string {
  const variables = {
    HOME: join(place.dir, 'home'), // the Erlang cookie is made here
    PATH: '/usr/lib/erlang/bin:/usr/bin:/usr/sbin',
    LANG: 'C.UTF-8',
    ERL_EPMD_PORT: place.base + epmd,
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
