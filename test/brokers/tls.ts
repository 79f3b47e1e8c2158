import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { must } from './commands.ts'
import { home } from './home.ts'
import { lock } from './lock.ts'
import { requireCommands } from './system.ts'

/** The name in the client certificate: the user RabbitMQ's EXTERNAL mechanism logs in. */
export const clientName = 'sluice-client'

const dir = join(home, 'tls')

/**
 * Paths of the kit's certificates and keys, all PEM. `*.pem` holds key, certificate and authority together.
 * `stranger` is signed by `strangerCa`, which no broker trusts; `expired` by `ca`, and was valid for a day in 2020.
 */
export const tls = {
  ca: join(dir, 'ca.crt'),
  server: files('server'),
  client: files('client'),
  expired: files('expired'),
  strangerCa: join(dir, 'stranger-ca.crt'),
  stranger: files('stranger'),
} as const

function files(name: string) {
  return { key: join(dir, `${name}.key`), cert: join(dir, `${name}.crt`), pem: join(dir, `${name}.pem`) } as const
}

/** Makes the certificates where they are not there yet. */
export async function ensureCertificates(): Promise<void> {
  if (existsSync(dir)) return
  await requireCommands('Making test certificates', ['openssl'])
  await using _ = await lock(join(home, 'locks/tls'))
  if (existsSync(dir)) return
  const work = `${dir}.new`
  rmSync(work, { recursive: true, force: true })
  mkdirSync(work, { recursive: true })
  await authority(work, 'ca')
  await authority(work, 'stranger-ca')
  await certificate(work, 'server', 'localhost', 'ca')
  await certificate(work, 'client', clientName, 'ca')
  await certificate(work, 'expired', clientName, 'ca', ['20200101000000Z', '20200102000000Z'])
  await certificate(work, 'stranger', clientName, 'stranger-ca')
  renameSync(work, dir)
}

/** A client certificate of this name in the folder, signed by the kit's authority. */
export async function clientCertificate(
  folder: string,
  name: string,
): Promise<{ readonly key: string; readonly cert: string }> {
  await ensureCertificates()
  const [key, request, cert] = ['key', 'csr', 'crt'].map(ending => join(folder, `${name}.${ending}`)) as [
    string,
    string,
    string,
  ]
  const subject = ['-subj', `/CN=${name}`]
  await openssl(folder, ['req', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', request, ...subject])
  const authority = ['-CA', tls.ca, '-CAkey', join(dir, 'ca.key'), '-set_serial', String(Date.now())]
  await openssl(folder, ['x509', '-req', '-in', request, '-out', cert, '-days', '30', ...authority])
  return { key, cert }
}

function openssl(work: string, args: readonly string[]): Promise<string> {
  return must('A test certificate could not be made', 'openssl', args, { cwd: work })
}

async function authority(work: string, name: string): Promise<void> {
  const subject = ['-subj', `/CN=sluice-test-${name}`]
  const files = ['-keyout', `${name}.key`, '-out', `${name}.crt`]
  await openssl(work, ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '3650', ...subject, ...files])
}

async function certificate(
  work: string,
  name: string,
  commonName: string,
  authorityName: string,
  [from, to]: readonly [string, string] = ['20250101000000Z', '20451231000000Z'],
): Promise<void> {
  const subject = ['-subj', `/CN=${commonName}`]
  await openssl(work, [
    'req',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-keyout',
    `${name}.key`,
    '-out',
    `${name}.csr`,
    ...subject,
  ])
  // `openssl ca` is the one subcommand that takes both dates in every version; it wants this small database.
  writeFileSync(join(work, 'index.txt'), '')
  writeFileSync(join(work, 'index.txt.attr'), 'unique_subject = no\n')
  writeFileSync(join(work, 'ca.cnf'), configuration)
  await openssl(work, [
    ...['ca', '-batch', '-notext', '-config', 'ca.cnf', '-create_serial', '-startdate', from, '-enddate', to],
    ...[
      '-cert',
      `${authorityName}.crt`,
      '-keyfile',
      `${authorityName}.key`,
      '-in',
      `${name}.csr`,
      '-out',
      `${name}.crt`,
    ],
  ])
  const parts = [`${name}.key`, `${name}.crt`, `${authorityName}.crt`].map(part =>
    readFileSync(join(work, part), 'utf8'),
  )
  writeFileSync(join(work, `${name}.pem`), parts.join(''), { mode: 0o600 })
}

const configuration = `
[ca]
default_ca = kit
[kit]
database = index.txt
serial = serial
new_certs_dir = .
default_md = sha256
policy = any
x509_extensions = leaf
[any]
commonName = supplied
[leaf]
subjectAltName = DNS:localhost,IP:127.0.0.1
extendedKeyUsage = serverAuth,clientAuth
`
