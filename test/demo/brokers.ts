import { existsSync, readdirSync } from 'node:fs'
import { type Broker, startBroker } from '../brokers/broker.ts'
import { variables } from '../brokers/environment.ts'
import { home } from '../brokers/home.ts'
import { hasUsers, isRunning, readState, removeInstance } from '../brokers/instances.ts'
import type { Kind } from '../brokers/kinds.ts'
import { KitError } from '../brokers/kit-error.ts'
import { lockPath, stopLocal } from '../brokers/local.ts'
import { lock } from '../brokers/lock.ts'
import { composeDown, composeRestart, composeUp, composeUrls, hasCompose, type Service } from './compose.ts'
import { pingKafka } from './kafka.ts'
import { pingRabbit } from './rabbit.ts'

/** A broker for the demo, wherever it came from. */
export interface DemoBroker extends AsyncDisposable {
  readonly title: string
  readonly url: string
  /** Where it came from, for people. */
  readonly origin: string
  /** Stops it and starts it again; resolves when it answers. Undefined where the broker is not ours to restart. */
  readonly restart: (() => Promise<void>) | undefined
}

export type Found = (broker: DemoBroker) => void

/** Name of the demo's own brokers; another one keeps two demos apart. */
export const INSTANCE = process.env['SLUICE_DEMO_INSTANCE'] || 'demo'
const LOCAL: Readonly<Record<Service, readonly Kind[]>> = { rabbitmq: ['rabbitmq4', 'rabbitmq3'], kafka: ['kafka'] }
const TITLES: Readonly<Record<Kind, string>> = {
  rabbitmq4: 'RabbitMQ 4',
  rabbitmq3: 'RabbitMQ 3.10',
  kafka: 'Kafka',
  nats: 'NATS',
  pulsar: 'Pulsar',
  redis: 'Redis',
  valkey: 'Valkey',
}

/**
 * Both brokers, found or started at the same time; `found` is told of each. Throws KitError where one cannot be had,
 * after stopping what was started.
 */
export async function getBrokers(keep: boolean, found: Found): Promise<Readonly<Record<Service, DemoBroker>>> {
  const missing = (['rabbitmq', 'kafka'] as const).filter(service => named(service) === undefined)
  const docker = missing.length > 0 && (await hasCompose())
  if (docker) await composeUp(missing)
  const get = async (service: Service) => {
    const url = named(service)
    const broker =
      url !== undefined ? await theirs(service, url) : docker ? composed(service) : await local(service, keep)
    found(broker)
    return broker
  }
  const [rabbitmq, kafka] = await Promise.allSettled([get('rabbitmq'), get('kafka')])
  if (rabbitmq.status === 'fulfilled' && kafka.status === 'fulfilled')
    return { rabbitmq: rabbitmq.value, kafka: kafka.value }
  for (const one of [rabbitmq, kafka]) if (one.status === 'fulfilled') await one.value[Symbol.asyncDispose]()
  throw [rabbitmq, kafka].find(one => one.status === 'rejected')!.reason
}

/** What getBrokers is about to do, for people. */
export function announcement(): string {
  if (named('rabbitmq') !== undefined && named('kafka') !== undefined) return 'Looking for RabbitMQ and Kafka'
  const cached = existsSync(home) ? readdirSync(home) : []
  const ready = ['debian-', 'kafka-'].every(start => cached.some(name => name.startsWith(start)))
  return ready ? 'Starting RabbitMQ and Kafka' : 'Getting RabbitMQ and Kafka, once: a minute or two'
}

/** The url in the environment, where there is one. */
function named(service: Service): string | undefined {
  return process.env[variables[LOCAL[service][0]!]] || undefined
}

/** A broker of the user's: looked at, never restarted. */
async function theirs(service: Service, url: string): Promise<DemoBroker> {
  const title = service === 'kafka' ? 'Kafka' : 'RabbitMQ'
  const variable = variables[LOCAL[service][0]!]
  const shown = url.replace(/^[^:]*:\/\/([^@/]*@)?/, '')
  try {
    if (service === 'kafka') await pingKafka(url)
    else await pingRabbit(url)
  } catch (error) {
    const reason = error instanceof Error ? error.message || error.name : String(error)
    const refused = /ACCESS.REFUSED/.test(reason)
    throw new KitError(
      `${title} ${refused ? 'refuses the user or the password' : 'does not answer'} at ${shown}${refused ? '' : `: ${reason}`}.\nStart it, correct ${variable}, or unset it: the demo then brings its own.`,
    )
  }
  return { title, url, origin: `from ${variable}`, restart: undefined, async [Symbol.asyncDispose]() {} }
}

function composed(service: Service): DemoBroker {
  return {
    title: service === 'kafka' ? 'Kafka' : 'RabbitMQ 4',
    url: composeUrls[service],
    origin: 'Docker Compose',
    restart: () => composeRestart(service),
    [Symbol.asyncDispose]: composeDown,
  }
}

async function local(service: Service, pinned: boolean): Promise<DemoBroker> {
  const reasons: string[] = []
  for (const kind of LOCAL[service]) {
    try {
      await stopKept(kind)
      return ours(kind, await startBroker(kind, { instance: INSTANCE, pinned }))
    } catch (error) {
      if (!(error instanceof KitError)) throw error
      if (error.message.includes('in use already'))
        throw new KitError('Another demo is running in this folder. Wait for it, or stop it.')
      reasons.push(`${TITLES[kind]} cannot be had. ${error.message}`)
    }
  }
  throw new KitError(reasons.join('\n'))
}

function ours(kind: Kind, broker: Broker): DemoBroker {
  return {
    title: TITLES[kind],
    url: broker.url,
    origin: `started here, pid ${broker.pid}`,
    restart: () => broker.restart(),
    [Symbol.asyncDispose]: () => broker[Symbol.asyncDispose](),
  }
}

/** Stops what an earlier `--keep` left up, and deletes its data. True when there was something. */
export async function stopKept(kind: Kind): Promise<boolean> {
  await using _ = await lock(lockPath(kind, INSTANCE))
  const state = readState(kind, INSTANCE)
  if (state === undefined || !isRunning(state) || hasUsers(state)) return false
  await stopLocal(state, 'SIGKILL')
  removeInstance(kind, INSTANCE)
  return true
}

/** `--stop`. The titles of what was stopped. */
export async function stopAllKept(): Promise<readonly string[]> {
  const stopped: string[] = []
  for (const kind of ['rabbitmq4', 'rabbitmq3', 'kafka'] as const) if (await stopKept(kind)) stopped.push(TITLES[kind])
  if (stopped.length === 0 && (await hasCompose())) {
    await composeDown()
    stopped.push('Docker Compose')
  }
  return stopped
}
