import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { must, run } from './commands.ts'
import { debianSource, forRelease } from './debian-sources.ts'
import { home } from './home.ts'
import { KitError } from './kit-error.ts'
import { isInstalled } from './system.ts'

const OTHER_BROKER = 'Name a running broker by SLUICE_RABBITMQ_URL instead.'

/**
 * A directory with Debian packages of one release unpacked in it, to chroot into. Nothing is installed on the machine: the
 * packages come through the system's own apt from its own mirror, with the release's name changed. `instead` says what to do
 * where that cannot be.
 */
export async function unpackDebian(
  release: string,
  packages: readonly string[],
  root: string,
  instead = OTHER_BROKER,
): Promise<void> {
  if (existsSync(root)) return
  for (const command of ['apt-get', 'dpkg-deb', 'unshare', 'chroot']) {
    if (!(await isInstalled(command))) throw new KitError(`Unpacking Debian packages needs ${command}. ${instead}`)
  }
  if ((await run('unshare', [...namespace(), 'true'])).code !== 0) {
    throw new KitError(`This user may not make a mount namespace: run as root. ${instead}`)
  }
  const work = `${root}.new`
  rmSync(work, { recursive: true, force: true })
  const apt = join(work, 'apt')
  for (const dir of ['lists/partial', 'archives/partial']) mkdirSync(join(apt, dir), { recursive: true })
  writeFileSync(join(apt, 'status'), '')
  writeFileSync(join(apt, 'release.sources'), sourcesFor(release, instead))
  writeFileSync(join(apt, 'apt.conf'), configuration(apt))
  const env = { ...process.env, APT_CONFIG: join(apt, 'apt.conf'), DEBIAN_FRONTEND: 'noninteractive' }
  await must(`Debian ${release}'s package lists could not be had`, 'apt-get', ['-qq', 'update'], { env })
  await must(
    `Debian ${release}'s packages could not be downloaded`,
    'apt-get',
    ['-y', '-qq', '--download-only', '-o', 'Debug::NoLocking=1', 'install', ...packages],
    { env },
  )
  mkdirSync(join(work, 'root/usr'), { recursive: true })
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) {
    mkdirSync(join(work, 'root/usr', name))
    symlinkSync(`usr/${name}`, join(work, 'root', name))
  }
  for (const file of readdirSync(join(apt, 'archives'))) {
    if (!file.endsWith('.deb')) continue
    // Not `dpkg-deb -x`: it puts a directory in the place of the links made above.
    const unpack = 'dpkg-deb --fsys-tarfile "$1" | tar -x --keep-directory-symlink -C "$2"'
    await must(`${file} could not be unpacked`, 'sh', [
      '-c',
      unpack,
      'sh',
      join(apt, 'archives', file),
      join(work, 'root'),
    ])
  }
  furnish(join(work, 'root'))
  renameSync(join(work, 'root'), root)
  rmSync(work, { recursive: true, force: true })
}

/**
 * The command line that runs `script` (a path under home) inside `root`. Mounts are made in a namespace of the process's
 * own and vanish with it, so that deleting the cache can never reach the machine's /dev. Every step execs: one pid throughout.
 */
export function inside(root: string, script: string): readonly [string, readonly string[]] {
  const steps = [
    'mount --rbind /dev "$1/dev"',
    'mount --rbind /proc "$1/proc"',
    'mkdir -p "$1$2"',
    'mount --bind "$2" "$1$2"',
    'exec chroot "$1" /bin/bash "$3"',
  ]
  return ['unshare', [...namespace(), 'sh', '-c', steps.join(' && '), 'sh', root, home, script]]
}

function namespace(): readonly string[] {
  const isRoot = process.getuid?.() === 0
  return ['--mount', '--propagation', 'private', ...(isRoot ? [] : ['--user', '--map-root-user']), '--']
}

/** What the packages' own install scripts would have made, as far as a broker needs it. */
function furnish(root: string): void {
  for (const dir of ['dev', 'proc', 'tmp', 'etc', 'root', 'run']) mkdirSync(join(root, dir), { recursive: true })
  for (const [name, target] of Object.entries({ sh: 'bash', awk: 'gawk' })) {
    if (!existsSync(join(root, 'usr/bin', name))) symlinkSync(target, join(root, 'usr/bin', name))
  }
  writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/bash\n')
  writeFileSync(join(root, 'etc/group'), 'root:x:0:\n')
  writeFileSync(join(root, 'etc/hosts'), '127.0.0.1 localhost\n')
  writeFileSync(join(root, 'etc/nsswitch.conf'), 'passwd: files\ngroup: files\nhosts: files\n')
}

function configuration(apt: string): string {
  return [
    `Dir::Etc::sourcelist "${apt}/release.sources";`,
    'Dir::Etc::sourceparts "-";',
    `Dir::State::lists "${apt}/lists";`,
    `Dir::State::status "${apt}/status";`,
    `Dir::Cache "${apt}";`,
    'APT::Install-Recommends "false";',
    'APT::Sandbox::User "";',
    '',
  ].join('\n')
}

/** The system's own source of Debian packages, for another release of Debian. */
function sourcesFor(release: string, instead: string): string {
  const codename = /^VERSION_CODENAME="?(\w+)/m.exec(read('/etc/os-release'))?.[1] ?? ''
  const parts = '/etc/apt/sources.list.d'
  const files = existsSync(parts) ? readdirSync(parts).sort() : []
  const of = (ending: string) => files.filter(file => file.endsWith(ending)).map(file => read(join(parts, file)))
  const found = debianSource(codename, of('.sources'), [read('/etc/apt/sources.list'), ...of('.list')])
  if (!found) throw new KitError(`No source of Debian packages is set up for apt on this machine. ${instead}`)
  return forRelease(found, release)
}

function read(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8') : ''
}
