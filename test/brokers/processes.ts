import { spawn } from 'node:child_process'
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { KitError } from './kit-error.ts'

/** One process and no other: a pid alone may have been given to somebody else since. */
export interface Identity {
  readonly pid: number
  /** Start time in clock ticks since boot: field 22 of /proc/PID/stat (proc(5)). */
  readonly ticks: number
}

/** The running process with this pid, or undefined where there is none. A zombie is none, though `kill -0` finds it. */
export function identify(pid: number): Identity | undefined {
  let stat: string
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  } catch {
    return undefined
  }
  // Field 2 is the command in parentheses and may itself hold spaces and parentheses; field 3, the state, comes after.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const state = fields[0]
  if (state === 'X') return undefined
  // The first thread of a killed process is a zombie while others are still ending, with the ports and files still theirs.
  if (state === 'Z' && threads(pid) <= 1) return undefined
  return { pid, ticks: Number(fields[19]) }
}

function threads(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/task`).length
  } catch {
    return 0
  }
}

export function self(): Identity {
  const identity = identify(process.pid)
  if (!identity)
    throw new KitError(
      'The broker kit needs Linux (/proc). Name running brokers by SLUICE_RABBITMQ_URL and SLUICE_KAFKA_URL instead.',
    )
  return identity
}

export function isAlive(identity: Identity): boolean {
  return identify(identity.pid)?.ticks === identity.ticks
}

/** Memory of a process, MiB: what is resident now, or its peak (proc(5)). */
export function memoryMiB(pid: number, field: 'VmRSS' | 'VmHWM' = 'VmRSS'): number {
  const match = new RegExp(`${field}:\\s+(\\d+) kB`).exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  return Number(match?.[1] ?? 0) / 1024
}

/** Sends the signal to this very process; false when it is gone. */
export function signal(identity: Identity, name: NodeJS.Signals): boolean {
  if (!isAlive(identity)) return false
  try {
    process.kill(identity.pid, name)
    return true
  } catch {
    return false
  }
}

/** SIGSTOP. Not one thread runs any more when it returns: a busy one may still answer after the signal was sent. */
export function freeze(identity: Identity): void {
  signal(identity, 'SIGSTOP')
  const deadline = performance.now() + 5_000
  while (performance.now() < deadline && !isStopped(identity.pid))
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1)
}

function isStopped(pid: number): boolean {
  const state = (task: string) => /\) (\S)/.exec(readFileSync(`/proc/${pid}/task/${task}/stat`, 'utf8'))?.[1]
  try {
    return readdirSync(`/proc/${pid}/task`).every(task => state(task) === 'T')
  } catch {
    return false // a thread, or all of it, ended meanwhile
  }
}

/** Resolves to true as soon as the process is gone, to false after `ms` milliseconds. */
export async function waitForExit(identity: Identity, ms: number): Promise<boolean> {
  const deadline = performance.now() + ms
  while (isAlive(identity)) {
    if (performance.now() > deadline) return false
    await sleep(25)
  }
  return true
}

/** TERM, then KILL after `ms`. A stopped (SIGSTOP) process is continued first, or it would never see the TERM. */
export async function terminate(identity: Identity, ms = 30_000): Promise<void> {
  if (!signal(identity, 'SIGTERM')) return
  signal(identity, 'SIGCONT')
  if (await waitForExit(identity, ms)) return
  signal(identity, 'SIGKILL')
  await waitForExit(identity, 60_000)
}

export interface Launch {
  readonly command: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly cwd: string
  /** Standard output and error; begun anew at each launch. */
  readonly log: string
}

/** Starts a process in a session of its own, so that it outlives this one and gets none of its terminal's signals. */
export async function launch(what: Launch): Promise<Identity> {
  const log = openSync(what.log, 'w')
  try {
    const child = spawn(what.command, what.args, {
      cwd: what.cwd,
      env: what.env,
      detached: true,
      stdio: ['ignore', log, log],
    })
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve)
      child.once('error', reject)
    })
    child.unref()
    const identity = child.pid === undefined ? undefined : identify(child.pid)
    if (!identity) throw new KitError(`${what.command} ended at once; see ${what.log}.`)
    return identity
  } finally {
    closeSync(log)
  }
}
