import { mkdirSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { inside, unpackDebian } from './debian-root.ts'
import { home } from './home.ts'
import type { Place, Recipe } from './kinds.ts'
import { launch } from './processes.ts'
import { ensureCertificates, tls } from './tls.ts'

/** Offsets in an instance's block of ports. */
const plain = 0
const encrypted = 1

/** `sluice` may do what the dedup store needs, on keys that begin with `sluice:`, and no more. The default user may all. */
export const redisUsers = { sluice: 'sluice-secret' } as const

export interface RedisFlavour {
  readonly title: string
  readonly release: string
  /** The Debian package, and the program in it. */
  readonly server: 'redis-server' | 'valkey-server'
  readonly base: number
}

/** Redis, or its successor Valkey, as packaged in a Debian release. */
export function redis({ title, release, server, base }: RedisFlavour): Recipe {
  const root = join(home, `debian-${release}-${server}`)
  return {
    title,
    base,
    async install() {
      await ensureCertificates()
      await unpackDebian(release, [server, 'bash', 'coreutils', 'util-linux', 'libc-bin', 'base-files'], root)
    },
    async configure(place) {
      mkdirSync(join(place.dir, 'data'), { recursive: true })
      writeFileSync(join(place.dir, 'redis.conf'), configuration(place))
      writeFileSync(join(place.dir, 'server.sh'), `exec /usr/bin/${server} ${join(place.dir, 'redis.conf')}\n`)
    },
    async launch(place) {
      const [command, args] = inside(root, join(place.dir, 'server.sh'))
      const env = { PATH: process.env['PATH'] ?? '/usr/sbin:/usr/bin' }
      return { main: await launch({ command, args, cwd: place.dir, log: place.log, env }) }
    },
    answers: place => pongs(place.base + plain),
    info: place => ({
      url: `redis://127.0.0.1:${place.base + plain}`,
      listeners: { plain: `127.0.0.1:${place.base + plain}`, tls: `127.0.0.1:${place.base + encrypted}` },
    }),
  }
}

// What was answered is in the log before the answer is, so that a killed server has it.
function configuration(place: Place): string {
  return `bind 127.0.0.1
port ${place.base + plain}
tls-port ${place.base + encrypted}
tls-cert-file ${tls.server.cert}
tls-key-file ${tls.server.key}
tls-ca-cert-file ${tls.ca}
tls-auth-clients optional
dir ${join(place.dir, 'data')}
save ""
appendonly yes
appendfsync everysec
maxmemory 512mb
maxmemory-policy noeviction
user sluice on >${redisUsers.sluice} ~sluice:* +@read +@write +@scripting +@connection +time
`
}

async function pongs(port: number): Promise<boolean> {
  const socket = connect({ host: '127.0.0.1', port, timeout: 2_000 })
  try {
    return await new Promise(resolve => {
      socket.once('connect', () => socket.write('PING\r\n'))
      // While it reads its log it answers that it is loading.
      socket.once('data', data => resolve(data.toString('latin1').startsWith('+PONG')))
      for (const event of ['error', 'close', 'timeout']) socket.once(event, () => resolve(false))
    })
  } finally {
    socket.destroy()
  }
}
