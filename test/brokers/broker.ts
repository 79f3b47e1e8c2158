import { fromEnvironment, variables } from './environment.ts'
import { isRunning, readState, removeInstance, type State } from './instances.ts'
import type { BrokerInfo, Kind } from './kinds.ts'
import { KitError } from './kit-error.ts'
import { infoOf, launchAndWait, leaveLocal, lockPath, shared, startLocal, stopLocal } from './local.ts'
import { lock } from './lock.ts'
import { freeze, type Identity, signal, waitForExit } from './processes.ts'

/** A running broker. Disposing of it leaves the shared one to its other users, and stops and deletes a private one. */
export interface Broker extends BrokerInfo, AsyncDisposable {
  /** The broker's process; 0 where it is not ours. */
  readonly pid: number
  /** TERM, then KILL after 30 s. The data stays. */
  stop(): Promise<void>
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>
  /** Stops it where it runs, and starts it on the same ports and data; resolves when it answers again. */
  restart(): Promise<void>
  /** SIGSTOP: connections stay open and nothing answers. */
  freeze(): void
  /** SIGCONT. */
  thaw(): void
}

export interface StartOptions {
  /** A private instance of this name, with ports and data of its own. Default: the shared one. */
  readonly instance?: string
  /** Begin with the data an earlier run left. Default: begin empty. */
  readonly keep?: boolean
  /** Stay up after this process and all other users are done. */
  readonly pinned?: boolean
}

/** Starts a broker, or joins the shared one; resolves when it answers. KitError where it cannot be had. */
export async function startBroker(kind: Kind, options: StartOptions = {}): Promise<Broker> {
  const { instance = shared, keep = false, pinned = false } = options
  if (!/^[a-z0-9-]{1,40}$/.test(instance)) throw new KitError(`An instance's name is [a-z0-9-], not ${instance}.`)
  const named = instance === shared ? fromEnvironment(kind) : undefined
  return named ? remote(named) : local(await startLocal(kind, { instance, keep, pinned }))
}

/** The shared broker where it is running already. */
export function findShared(kind: Kind): Broker | undefined {
  const named = fromEnvironment(kind)
  if (named) return remote(named)
  const state = readState(kind, shared)
  return state && isRunning(state) ? local(state) : undefined
}

function local(started: State): Broker {
  const { kind, instance } = started
  // Always read again: another process may have restarted a shared broker since.
  const current = () => readState(kind, instance) ?? started
  const main = (): Identity => {
    const identity = current().processes['main']
    if (!identity) throw new KitError(`${kind} (${instance}) was never started.`)
    return identity
  }
  const stop = async (how: 'SIGTERM' | 'SIGKILL') => {
    await using _ = await lock(lockPath(kind, instance))
    await stopLocal(current(), how)
  }
  return {
    ...infoOf(started),
    get pid() {
      return main().pid
    },
    stop: () => stop('SIGTERM'),
    async kill() {
      signal(main(), 'SIGKILL')
      await waitForExit(main(), 60_000)
    },
    async restart() {
      await using _ = await lock(lockPath(kind, instance))
      await stopLocal(current())
      await launchAndWait(current())
    },
    freeze() {
      freeze(main())
    },
    thaw() {
      signal(main(), 'SIGCONT')
    },
    async [Symbol.asyncDispose]() {
      if (instance === shared) return leaveLocal(kind, instance)
      await stop('SIGKILL')
      removeInstance(kind, instance)
    },
  }
}

function remote(info: BrokerInfo): Broker {
  const refuse = (): never => {
    throw new KitError(`The ${info.kind} named by ${variables[info.kind]} is not the kit's to stop, restart or freeze.`)
  }
  return {
    ...info,
    pid: 0,
    stop: async () => refuse(),
    kill: async () => refuse(),
    restart: async () => refuse(),
    freeze: refuse,
    thaw: refuse,
    async [Symbol.asyncDispose]() {},
  }
}
