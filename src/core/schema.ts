import { type Static, type TSchemaOptions, Type } from 'typebox'
import { SluiceError } from './errors.ts'

/** Keyword of a schema for a string in which `${…}` is evaluated per message. `sluice check` compiles it. */
export const TEMPLATE = 'x-template'
/** Keyword of a schema whose value is a tree with CEL at its leaves. */
export const TEMPLATE_TREE = 'x-template-tree'
/** Keyword of a schema whose value must never be shown. */
export const SECRET = 'x-secret'

const DURATION = '^(0|[0-9]+(\\.[0-9]+)?(ms|s|m|h|d))$'
const SIZE = '^[0-9]+(\\.[0-9]+)?(B|KiB|MiB|GiB|KB|MB|GB)$'
const RATE = '^[0-9]+(\\.[0-9]+)?/(s|m|h)$'

/** A length of time such as `250ms`, `10s`, `5m`, `1h`, `1d`; `0` = none. Read with `milliseconds`. */
export const Duration = (options: TSchemaOptions = {}) =>
  Type.String({ pattern: DURATION, 'x-kind': 'duration', examples: ['250ms', '10s', '5m'], ...options })

/** An amount of bytes such as `512KiB`, `1MiB`. Read with `bytes`. */
export const Size = (options: TSchemaOptions = {}) =>
  Type.String({ pattern: SIZE, 'x-kind': 'size', examples: ['512KiB', '1MiB'], ...options })

/** Messages per time such as `500/s`. Read with `perSecond`. */
export const Rate = (options: TSchemaOptions = {}) =>
  Type.String({ pattern: RATE, 'x-kind': 'rate', examples: ['500/s'], ...options })

/** A string (or the constant number or boolean it would yield) in which `${…}` is evaluated per message. */
export const Template = (options: TSchemaOptions = {}) =>
  Type.Union([Type.String(), Type.Number(), Type.Boolean()], { [TEMPLATE]: true, ...options })

/** Any YAML value with `${…}` at its leaves. */
export const TemplateTree = (options: TSchemaOptions = {}) => Type.Unknown({ [TEMPLATE_TREE]: true, ...options })

/** A closed object: unknown keys are errors. */
export const Closed = <P extends Parameters<typeof Type.Object>[0]>(properties: P, options: TSchemaOptions = {}) =>
  Type.Object(properties, { additionalProperties: false, ...options })

export type DurationText = Static<ReturnType<typeof Duration>>

const MILLISECONDS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const
const BYTES = { B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, KB: 1e3, MB: 1e6, GB: 1e9 } as const
const SECONDS = { s: 1, m: 60, h: 3_600 } as const

/** Milliseconds of a Duration text. Throws OPTIONS_INVALID. */
export function milliseconds(text: string): number {
  const match = /^([0-9.]+)(ms|s|m|h|d)$/.exec(text)
  if (text === '0') return 0
  if (match === null) throw new SluiceError('OPTIONS_INVALID', `"${text}" is not a duration such as 250ms, 10s or 5m`)
  return Number(match[1]) * MILLISECONDS[match[2] as keyof typeof MILLISECONDS]
}

/** Bytes of a Size text. Throws OPTIONS_INVALID. */
export function bytes(text: string): number {
  const match = /^([0-9.]+)(B|KiB|MiB|GiB|KB|MB|GB)$/.exec(text)
  if (match === null) throw new SluiceError('OPTIONS_INVALID', `"${text}" is not a size such as 512KiB or 1MiB`)
  return Math.floor(Number(match[1]) * BYTES[match[2] as keyof typeof BYTES])
}

/** Messages per second of a Rate text. Throws OPTIONS_INVALID. */
export function perSecond(text: string): number {
  const match = /^([0-9.]+)\/(s|m|h)$/.exec(text)
  if (match === null) throw new SluiceError('OPTIONS_INVALID', `"${text}" is not a rate such as 500/s`)
  return Number(match[1]) / SECONDS[match[2] as keyof typeof SECONDS]
}
