import { join } from 'node:path'
import { must, run } from './commands.ts'
import { home } from './home.ts'
import { KitError } from './kit-error.ts'
import { lock } from './lock.ts'

/** Commands the kit calls, and the Debian package that brings each. */
const packages: Readonly<Record<string, string>> = {
  java: 'default-jre-headless',
  mvn: 'maven',
  openssl: 'openssl',
  'nats-server': 'nats-server',
}

/** Makes sure the commands are there: installs their Debian packages when root, else says what to install. */
export async function requireCommands(purpose: string, names: readonly string[]): Promise<void> {
  if ((await missingOf(names)).length === 0) return
  await using _ = await lock(join(home, 'locks/apt'))
  const wanted = await missingOf(names)
  if (wanted.length === 0) return
  const list = wanted.join(' ')
  if (process.getuid?.() !== 0 || !(await isInstalled('apt-get'))) {
    throw new KitError(`${purpose} needs ${list}: install it (on Debian: apt-get install ${list}) and run this again.`)
  }
  process.stderr.write(`${purpose} needs ${list}: installing with apt-get ...\n`)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  await must('The package lists could not be brought up to date', 'apt-get', ['-qq', 'update'], { env })
  const install = ['-y', '-qq', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=300', 'install', ...wanted]
  await must(`${purpose} needs ${list}, which could not be installed`, 'apt-get', install, { env })
}

async function missingOf(names: readonly string[]): Promise<readonly string[]> {
  const missing = []
  for (const name of names) {
    if (!(await isInstalled(name))) missing.push(packages[name] ?? name)
  }
  return missing
}

export async function isInstalled(command: string): Promise<boolean> {
  return (await run('sh', ['-c', 'command -v "$1"', 'sh', command])).code === 0
}
