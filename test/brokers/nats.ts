import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { must } from './commands.ts'
import { home } from './home.ts'
import type { Place, Processes, Recipe } from './kinds.ts'
import { ensureLogins, natsToken, natsUsers, type ServerSide } from './nats-logins.ts'
import { type Identity, isAlive, launch } from './processes.ts'
import { isInstalled, requireCommands } from './system.ts'
import { ensureCertificates, tls } from './tls.ts'

const version = '2.15.2'
const program = join(home, `nats-${version}`)
const built = join(program, 'nats-server')

/** Starts a server by the file `NAME.conf` of a folder, once the recipe is installed. */
export function launchNats(cwd: string, name: string, log: string): Promise<Identity> {
  const command = existsSync(built) ? built : 'nats-server'
  const env = { PATH: process.env['PATH'] ?? '/usr/bin:/usr/sbin', GOMAXPROCS: '2' }
  return launch({ command, args: ['--config', join(cwd, `${name}.conf`)], cwd, log, env })
}

const monitoring = 3
/**
 * Offsets in an instance's block of ports, by the name the listener has in BrokerInfo. A NATS server has one way to let
 * clients in: each listener but the plain one is a small server of its own, and only the shared instance has them.
 */
const listeners = { plain: 2, tls: 4, mutualTls: 5, token: 6, creds: 7 } as const
type Listener = keyof typeof listeners
const others = (Object.keys(listeners) as Listener[]).filter(name => name !== 'plain')

/** NATS with JetStream on disk. */
export const nats: Recipe = {
  title: `NATS ${version}`,
  base: 23_220,
  async install() {
    await ensureCertificates()
    await ensureLogins()
    if (existsSync(built)) return
    // Debian's is older, and does what the tests ask of it.
    if (!(await isInstalled('go'))) return requireCommands(`NATS ${version}`, ['nats-server'])
    const work = `${program}.new`
    rmSync(work, { recursive: true, force: true })
    mkdirSync(work, { recursive: true })
    const source = `github.com/nats-io/nats-server/v2@v${version}`
    await must('The NATS server could not be built', 'go', ['install', source], {
      env: { ...process.env, GOBIN: work },
    })
    renameSync(work, program)
  },
  async configure(place) {
    const logins = await ensureLogins()
    writeFileSync(join(place.dir, 'main.conf'), main(place, logins))
    for (const name of others) writeFileSync(join(place.dir, `${name}.conf`), other(place, name, logins))
  },
  async launch(place, running) {
    const processes: Record<string, Processes[string]> = {}
    if (isShared(place)) {
      for (const name of others) {
        const up = running[name]
        processes[name] = up && isAlive(up) ? up : await launchNats(place.dir, name, `${place.log}.${name}`)
      }
    }
    return { ...processes, main: await launchNats(place.dir, 'main', place.log) }
  },
  async answers(place) {
    const health = `http://127.0.0.1:${place.base + monitoring}/healthz`
    return (await fetch(health, { headers: { connection: 'close' }, signal: AbortSignal.timeout(2_000) })).ok
  },
  info(place) {
    const names = Object.keys(listeners).filter(name => name === 'plain' || isShared(place)) as Listener[]
    return {
      url: `nats://127.0.0.1:${place.base + listeners.plain}`,
      listeners: Object.fromEntries(names.map(name => [name, `127.0.0.1:${place.base + listeners[name]}`])),
      monitoring: `http://127.0.0.1:${place.base + monitoring}`,
    }
  },
}

function isShared(place: Place): boolean {
  return place.name === 'nats-shared'
}

function main(place: Place, { nkey }: ServerSide): string {
  const { alice, guest } = natsUsers
  return `${common(place, 'plain')}
http: "127.0.0.1:${place.base + monitoring}"
jetstream { store_dir: "${join(place.dir, 'jetstream')}", max_memory_store: 64MB, max_file_store: 8GB }
authorization {
  users: [
    { user: anyone, password: "" }
    { user: alice, password: "${alice}" }
    { user: guest, password: "${guest}", permissions: { publish: ["guest.>"], subscribe: ["guest.>", "_INBOX.>"] } }
    { nkey: ${nkey} }
  ]
}
no_auth_user: anyone
`
}

function other(place: Place, name: Listener, logins: ServerSide): string {
  const certificates = `cert_file: "${tls.server.cert}", key_file: "${tls.server.key}", ca_file: "${tls.ca}"`
  switch (name) {
    case 'tls':
      return `${common(place, name)}\ntls { ${certificates} }\n`
    case 'mutualTls':
      return `${common(place, name)}\ntls { ${certificates}, verify: true }\n`
    case 'token':
      return `${common(place, name)}\nauthorization { token: "${natsToken}" }\n`
    default:
      return `${common(place, name)}
operator: ${logins.operator}
resolver: MEMORY
resolver_preload: { ${logins.account}: ${logins.accountJwt} }
`
  }
}

function common(place: Place, name: Listener): string {
  return `server_name: "${place.name}-${name}"
listen: "127.0.0.1:${place.base + listeners[name]}"
ping_interval: "30s"
write_deadline: "5s"`
}
