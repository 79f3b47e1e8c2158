import { SluiceError } from '../../core/errors.ts'
import { type Finding, ok, unseen, warn } from '../../core/finding.ts'
import type { Asking } from '../../core/http.ts'
import { askSyncing, type Syncing } from './monitoring.ts'
import type { StreamInfo } from './streams.ts'

/** Where the servers tell when they write to their disks. */
export interface Monitoring {
  readonly addresses: readonly string[]
  /** Reads the files of the TLS settings. Throws OPTIONS_INVALID. */
  asking(): Asking
}

const SYNC =
  'Set `sync_interval: always` in the `jetstream` block of the servers where a power failure must lose nothing.'

/** What a power failure loses of what a stream has acknowledged: an ack says that a majority has it, not that disks do. */
export async function durability(
  info: StreamInfo,
  monitoring: Monitoring | undefined,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const { config } = info
  const subject = `stream ${config.name}`
  if (config.storage === 'memory')
    return [warn(subject, 'it is kept in memory: a restart of its servers loses it', 'Use `storage: file`.')]
  if (monitoring === undefined) return [unknown(subject, config.num_replicas)]
  const told: Syncing[] = []
  const findings: Finding[] = []
  for (const address of monitoring.addresses) {
    try {
      told.push(await askSyncing(address, monitoring.asking(), signal))
    } catch (error) {
      signal.throwIfAborted()
      if (!(error instanceof SluiceError)) throw error
      findings.push(warn('monitoring', `${error.code}: ${error.message}`, error.hint))
    }
  }
  // Only those that hold the stream count; a server that stands alone does not name itself.
  const { leader, replicas = [] } = info.cluster ?? {}
  const holders = leader === undefined ? undefined : [leader, ...replicas.map(({ name }) => name)]
  const counted = holders === undefined ? told : told.filter(({ server }) => holders.includes(server))
  const silent = counted.filter(({ intervalMs }) => intervalMs === undefined).map(({ server }) => server)
  const missing = [...silent, ...(holders ?? []).filter(name => !counted.some(({ server }) => server === name))]
  if (counted.length === silent.length) return [...findings, unknown(subject, config.num_replicas)]
  if (missing.length > 0) {
    const hint = 'Name the monitoring of every server of the stream in the connection (`monitoring`).'
    findings.push(unseen(subject, `\`sync_interval\` of ${missing.join(', ')} was not told`, hint))
  }
  return [...findings, judge(subject, config.num_replicas, counted)]
}

function judge(subject: string, replicas: number, told: readonly Syncing[]): Finding {
  const late = told.filter(({ intervalMs }) => intervalMs !== undefined && intervalMs > 0)
  const names = (servers: readonly Syncing[]) => servers.map(({ server }) => server).join(', ')
  if (late.length === 0)
    return ok(subject, `what it acknowledges is on the disk first (sync_interval: always on ${names(told)})`)
  const seconds = Math.max(...late.map(({ intervalMs = 0 }) => intervalMs)) / 1000
  const who = `${names(late)} ${late.length === 1 ? 'syncs' : 'sync'} to the disk every ${seconds} s (sync_interval)`
  const what =
    replicas < 3
      ? `${count(replicas)}, and ${who}: a power failure loses what JetStream has acknowledged since`
      : `${count(replicas)}, and ${who}: a power failure of several at once loses what JetStream has acknowledged since`
  return warn(subject, what, replicas < 3 ? `${SYNC} ${SPREAD}` : SYNC)
}

const count = (replicas: number): string => `${replicas} replica${replicas === 1 ? '' : 's'}`
const SPREAD = 'Or give the stream 3 replicas on machines that do not fail together.'
const LET_SEE = 'To see it, name the monitoring of the servers in the connection (`monitoring: ["http://…:8222"]`).'

function unknown(subject: string, replicas: number): Finding {
  const sync = '`sync_interval` of the server cannot be seen by a client, and is 2 minutes by default'
  if (replicas < 3)
    return warn(
      subject,
      `${count(replicas)}: a power failure loses what JetStream has acknowledged and not yet synced to disk (${sync})`,
      `${SYNC} ${SPREAD} ${LET_SEE}`,
    )
  return unseen(
    subject,
    `${replicas} replicas; ${sync}: a power failure of all of them loses what is not yet synced`,
    `${SYNC} ${LET_SEE}`,
  )
}
