import { SluiceError } from '../../core/errors.ts'
import { bytes, milliseconds } from '../../core/schema.ts'
import type { Api } from './api.ts'
import type { CreateOptions } from './stream-options.ts'

/** What JetStream tells about a stream, as far as it is used. */
export interface StreamInfo {
  readonly config: {
    readonly name: string
    readonly subjects?: readonly string[]
    readonly retention: string
    readonly storage: string
    readonly max_msgs: number
    readonly max_bytes: number
    /** Nanoseconds. */
    readonly max_age: number
    readonly max_msg_size?: number
    readonly discard: string
    readonly num_replicas: number
    /** Nanoseconds. */
    readonly duplicate_window?: number
  }
  readonly created: string
  /** The server's time; from 2.10 on. */
  readonly ts?: string
  /** Absent where a server stands alone. */
  readonly cluster?: { readonly leader?: string; readonly replicas?: readonly { readonly name: string }[] }
  readonly state: { readonly messages: number; readonly first_seq: number; readonly last_seq: number }
}

const NANOS = 1e6

/** The stream as it is, or undefined when there is none. */
export async function findStream(api: Api, name: string, signal: AbortSignal): Promise<StreamInfo | undefined> {
  const answer = await api.askOr<StreamInfo>(`STREAM.INFO.${name}`, undefined, `looking up the stream ${name}`, signal)
  return 'found' in answer ? answer.found : undefined
}

/**
 * The stream, created where it is missing and `create` is given. Throws ADDRESS_MISSING, ADDRESS_MISMATCH, and what
 * JetStream says.
 */
export async function ensureStream(
  api: Api,
  name: string,
  create: CreateOptions | undefined,
  signal: AbortSignal,
): Promise<StreamInfo> {
  const found = await findStream(api, name, signal)
  if (found !== undefined) {
    if (create !== undefined) compare(found, create)
    return found
  }
  if (create === undefined)
    throw new SluiceError('ADDRESS_MISSING', `the stream ${name} does not exist`, {
      hint: 'Create it, correct its name, or let Sluice create it with `create`.',
    })
  const config = { name, retention: 'limits', storage: 'file', num_replicas: 1, ...configOf(create) }
  return await api.ask<StreamInfo>(`STREAM.CREATE.${name}`, config, `creating the stream ${name}`, signal)
}

function configOf(create: CreateOptions): Partial<StreamInfo['config']> {
  return defined({
    subjects: create.subjects,
    retention: create.retention,
    storage: create.storage,
    max_msgs: create.maxMessages,
    max_bytes: create.maxBytes === undefined ? undefined : bytes(create.maxBytes),
    max_age: create.maxAge === undefined ? undefined : milliseconds(create.maxAge) * NANOS,
    max_msg_size: create.maxMessageSize === undefined ? undefined : bytes(create.maxMessageSize),
    discard: create.discard,
    num_replicas: create.replicas,
    duplicate_window: create.duplicateWindow === undefined ? undefined : milliseconds(create.duplicateWindow) * NANOS,
  })
}

/** Throws ADDRESS_MISMATCH where the stream is not what `create` says. */
export function compare({ config }: StreamInfo, create: CreateOptions): void {
  for (const [name, wanted] of Object.entries(configOf(create))) {
    const has = config[name as keyof StreamInfo['config']]
    const same = Array.isArray(wanted) ? sameSet(wanted, has) : wanted === has
    if (!same)
      throw new SluiceError(
        'ADDRESS_MISMATCH',
        `the stream ${config.name} has ${name} ${JSON.stringify(has)}, and the route wants ${JSON.stringify(wanted)}`,
        { hint: 'Make `create` equal to what the stream has, leave it out, or change the stream.' },
      )
  }
}

/** Whether both are the same names in any order. */
export function sameSet(one: readonly unknown[], other: unknown): boolean {
  return Array.isArray(other) && JSON.stringify([...one].sort()) === JSON.stringify([...other].sort())
}

/** Without what is undefined. */
export function defined<T extends object>(record: T): Partial<T> {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)) as Partial<T>
}
