import { mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { lastLines } from './commands.ts'
import { home } from './home.ts'
import {
  allStates,
  directory,
  hasUsers,
  isRunning,
  readState,
  removeInstance,
  type State,
  writeState,
} from './instances.ts'
import { kafka } from './kafka.ts'
import type { BrokerInfo, Kind, Place, Recipe } from './kinds.ts'
import { KitError } from './kit-error.ts'
import { lock } from './lock.ts'
import { nats } from './nats.ts'
import { freeBlock, isBlockFree } from './ports.ts'
import { isAlive, self, signal, terminate, waitForExit } from './processes.ts'
import { pulsar } from './pulsar.ts'
import { rabbitmq } from './rabbitmq.ts'
import { redis } from './redis.ts'

export const recipes: Readonly<Record<Kind, Recipe>> = {
  rabbitmq4: rabbitmq('RabbitMQ 4', 'trixie', 21_670),
  rabbitmq3: rabbitmq('RabbitMQ 3.10', 'bookworm', 22_670),
  kafka,
  nats,
  pulsar,
  redis: redis({ title: 'Redis 7.0', release: 'bookworm', server: 'redis-server', base: 23_630 }),
  valkey: redis({ title: 'Valkey 8', release: 'trixie', server: 'valkey-server', base: 23_640 }),
}

/** The name of the instance that everybody shares. */
export const shared = 'shared'

export interface Wishes {
  readonly instance: string
  /** Keep what an earlier run left in the data directory. */
  readonly keep: boolean
  readonly pinned: boolean
}

/** Starts an instance, or joins the shared one where it is up already. */
export async function startLocal(kind: Kind, wishes: Wishes): Promise<State> {
  await reapOrphans()
  await using _ = await lock(lockPath(kind, wishes.instance))
  const found = readState(kind, wishes.instance)
  if (found && isRunning(found)) {
    if (wishes.instance !== shared) throw new KitError(`The instance ${wishes.instance} of ${kind} is in use already.`)
    const joined = { ...found, users: usersOf(found), pinned: found.pinned || wishes.pinned }
    writeState(joined)
    await untilReady(joined)
    return joined
  }
  if (found) await stopLocal(found) // its port mapper may have outlived it
  await install(kind)
  if (!wishes.keep) removeInstance(kind, wishes.instance)
  const state = await claimPorts(kind, wishes, found)
  await recipes[kind].configure(placeOf(state))
  return await launchAndWait(state) // the lock is held until it settles
}

/** Starts the broker's processes on ports and data it has already. */
export async function launchAndWait(state: State): Promise<State> {
  const place = placeOf(state)
  rotate(place.log)
  const launched = { ...state, processes: await recipes[state.kind].launch(place, state.processes) }
  writeState(launched)
  try {
    await untilReady(launched)
  } catch (error) {
    await stopLocal(launched, 'SIGKILL')
    throw error
  }
  return launched
}

export async function stopLocal(state: State, how: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
  const { main, ...others } = state.processes
  if (main && how === 'SIGKILL' && signal(main, 'SIGKILL')) await waitForExit(main, 60_000)
  if (main) await terminate(main)
  for (const other of Object.values(others)) await terminate(other)
}

/** Says that this process is done with the instance; stops it when nobody else uses it. */
export async function leaveLocal(kind: Kind, instance: string): Promise<void> {
  await using _ = await lock(lockPath(kind, instance))
  const state = readState(kind, instance)
  if (!state) return
  const left = { ...state, users: state.users.filter(user => user.pid !== process.pid && isAlive(user)) }
  writeState(left)
  if (!left.pinned && !hasUsers(left)) await stopLocal(left)
}

export function infoOf(state: State): BrokerInfo {
  const place = placeOf(state)
  return {
    kind: state.kind,
    instance: state.instance,
    where: 'local',
    log: place.log,
    ...recipes[state.kind].info(place),
  }
}

export function lockPath(kind: Kind, instance: string): string {
  return join(home, 'locks', `${kind}-${instance}`)
}

function placeOf(state: State): Place {
  const dir = directory(state.kind, state.instance)
  return { name: `${state.kind}-${state.instance}`, dir, log: join(dir, 'server.log'), base: state.base }
}

function usersOf(state: State) {
  return [...state.users.filter(user => user.pid !== process.pid && isAlive(user)), self()]
}

async function install(kind: Kind): Promise<void> {
  await using _ = await lock(join(home, 'locks', `install-${kind}`))
  await recipes[kind].install()
}

async function claimPorts(kind: Kind, wishes: Wishes, found: State | undefined): Promise<State> {
  await using _ = await lock(join(home, 'locks/ports'))
  const claimed = new Set(
    allStates()
      .filter(state => isRunning(state) || hasUsers(state))
      .map(state => state.base),
  )
  const preferred = wishes.instance === shared ? recipes[kind].base : found?.base
  const takesPreferred = preferred !== undefined && !claimed.has(preferred) && (await isBlockFree(preferred))
  const base = takesPreferred ? preferred : await freeBlock(claimed)
  mkdirSync(directory(kind, wishes.instance), { recursive: true })
  const state = { kind, instance: wishes.instance, base, processes: {}, users: [self()], pinned: wishes.pinned }
  writeState(state)
  return state
}

/** Stops private instances whose process went away without stopping them (a killed test run). */
export async function reapOrphans(): Promise<void> {
  for (const state of allStates()) {
    if (state.instance === shared || state.pinned || hasUsers(state)) continue
    await using _ = await lock(lockPath(state.kind, state.instance))
    const now = readState(state.kind, state.instance)
    if (!now || hasUsers(now)) continue
    await stopLocal(now, 'SIGKILL')
    removeInstance(now.kind, now.instance)
  }
}

async function untilReady(state: State): Promise<void> {
  const recipe = recipes[state.kind]
  const place = placeOf(state)
  const deadline = performance.now() + 300_000
  while (!(await recipe.answers(place).catch(() => false))) {
    const log = () => lastLines(readFileSync(place.log, 'utf8'))
    if (!isRunning(state))
      throw new KitError(`${recipe.title} ended while starting. The end of ${place.log}:\n${log()}`)
    if (performance.now() > deadline) {
      throw new KitError(`${recipe.title} did not answer within five minutes. The end of ${place.log}:\n${log()}`)
    }
    await sleep(100)
  }
}

function rotate(log: string): void {
  try {
    rmSync(`${log}.1`, { force: true })
    renameSync(log, `${log}.1`)
  } catch {
    // the first start has no log yet
  }
}
