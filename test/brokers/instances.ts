import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { home } from './home.ts'
import type { Kind, Processes } from './kinds.ts'
import { type Identity, isAlive } from './processes.ts'

/** What the kit remembers about an instance, in `state.json` in its directory. */
export interface State {
  readonly kind: Kind
  readonly instance: string
  /** First port of its block. */
  readonly base: number
  readonly processes: Processes
  /** Who uses it. A private instance whose users are all gone is stopped by the next start. */
  readonly users: readonly Identity[]
  /** Started by hand: stays up when its users are done. */
  readonly pinned: boolean
}

const data = join(home, 'data')

export function directory(kind: Kind, instance: string): string {
  return join(data, `${kind}-${instance}`)
}

export function readState(kind: Kind, instance: string): State | undefined {
  return parse(join(directory(kind, instance), 'state.json'))
}

/** Replaces the file in one step: a reader sees the old state or the new one. The pids are also written one a file. */
export function writeState(state: State): void {
  const dir = directory(state.kind, state.instance)
  mkdirSync(dir, { recursive: true })
  const path = join(dir, 'state.json')
  writeFileSync(`${path}.${process.pid}`, `${JSON.stringify(state, null, 2)}\n`)
  renameSync(`${path}.${process.pid}`, path)
  for (const [name, { pid }] of Object.entries(state.processes)) writeFileSync(join(dir, `${name}.pid`), `${pid}\n`)
}

export function removeInstance(kind: Kind, instance: string): void {
  rmSync(directory(kind, instance), { recursive: true, force: true })
}

export function allStates(): readonly State[] {
  if (!existsSync(data)) return []
  return readdirSync(data)
    .map(name => parse(join(data, name, 'state.json')))
    .filter(state => state !== undefined)
}

export function isRunning(state: State): boolean {
  return state.processes['main'] !== undefined && isAlive(state.processes['main'])
}

export function hasUsers(state: State): boolean {
  return state.users.some(isAlive)
}

function parse(path: string): State | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as State
  } catch {
    return undefined // no file, or cut short by a full disk: either way nothing is known to run here
  }
}
