import { type Static, Type } from 'typebox'
import type { Decoding } from '../core/message.ts'
import { Closed, Duration, Size } from '../core/schema.ts'
import { Admin, type AdminConfig } from './admin-schema.ts'
import type {
  BatchConfig,
  DeliveryConfig,
  OrderConfig,
  ReplyConfig,
  RetryConfig,
  WindowConfig,
} from './route-schema.ts'

export const LogOptions = Closed(
  {
    level: Type.Optional(
      Type.Union([Type.Literal('debug'), Type.Literal('info'), Type.Literal('warn'), Type.Literal('error')], {
        default: 'info',
        description: 'Least level that is written. `--log-level` wins.',
      }),
    ),
    format: Type.Optional(
      Type.Union([Type.Literal('auto'), Type.Literal('text'), Type.Literal('json')], {
        default: 'auto',
        description: '`auto` is text on a terminal, else JSON. `--log` wins.',
      }),
    ),
  },
  { default: {}, description: 'What is written to standard error.' },
)

export const Shutdown = Closed(
  {
    drain: Type.Optional(
      Duration({
        default: '20s',
        description: 'How long messages in flight may take to finish after SIGTERM; the rest comes again.',
      }),
    ),
  },
  { default: {}, description: 'How the gateway stops.' },
)

export const Reload = Closed(
  {
    watch: Type.Optional(
      Type.Boolean({
        default: true,
        description:
          'Apply the configuration when it changes on disk, and with it plug-ins, schemas and secret files. `false`: only SIGHUP, `sluice apply` and the admin API do.',
      }),
    ),
  },
  { default: {}, description: 'How a changed configuration is taken up while the gateway runs.' },
)

/** Top-level options beside `version`, `connections` and `routes`. */
export const TOP_OPTIONS = {
  plugins: Type.Optional(
    Type.Array(Type.String({ minLength: 1 }), {
      maxItems: 100,
      description:
        'Plug-ins: paths (from this file) or names of npm packages. Default: every .ts and .js file in `plugins/` beside this file.',
      examples: [['./plugins/mask-card.ts', '@acme/sluice-plugin']],
    }),
  ),
  admin: Type.Optional(Admin),
  memory: Type.Optional(Size({ default: '256MiB', description: 'Most bytes of messages in flight, over all routes.' })),
  slow: Type.Optional(
    Duration({
      default: '1000ms',
      description: 'A message that takes longer is worth a warning; `0` switches it off.',
    }),
  ),
  shutdown: Type.Optional(Shutdown),
  reload: Type.Optional(Reload),
  log: Type.Optional(LogOptions),
}

/** A connection as resolved: expressions evaluated, defaults applied. `options` are what `driver.connect` gets. */
export interface ConnectionConfig {
  readonly name: string
  /** Name of the driver in the registry. */
  readonly driver: string
  readonly options: Readonly<Record<string, unknown>>
}

/** One end of a route. `options` are what the driver's `source` or `sink` gets: everything but `connection`. */
export interface EndpointConfig {
  readonly connection: string
  readonly options: Readonly<Record<string, unknown>>
}

/** One step of `transform:`, by the name of its factory in the registry. */
export interface StepConfig {
  readonly name: string
  readonly options: unknown
  /** Longest time for one message, a duration; only asynchronous transforms can be cut. */
  readonly timeout: string
  /** It makes one message of many. */
  readonly gathers?: true
}

export interface DedupConfig {
  readonly by: string | number | boolean
  readonly window: string
  readonly count: number
  /** Name of the store factory in the registry, and its options. */
  readonly store: string
  readonly options: Readonly<Record<string, unknown>>
}

export interface DeadLetterConfig extends EndpointConfig {
  readonly window?: WindowConfig | undefined
}

/** A file beside the configuration that a route depends on, as it was when it was read. */
export interface FileDigest {
  /** Relative to the configuration's folder, where it lies below it. */
  readonly path: string
  readonly digest: string
  /** What depends on it: how the source is read and its messages are told apart, or what lies behind. */
  readonly of: 'source' | 'line'
}

/** A route as resolved, every default applied. Durations, sizes and rates are texts: read them with core/schema.ts. */
export interface RouteConfig {
  readonly name: string
  readonly enabled: boolean
  readonly from: EndpointConfig
  readonly transform: readonly StepConfig[]
  readonly to: EndpointConfig
  readonly order: OrderConfig
  /** Absent: `at-least-once`. */
  readonly delivery?: DeliveryConfig | undefined
  readonly dedup?: DedupConfig | undefined
  readonly retry: RetryConfig
  /** Absent: a poison message blocks its lane, retries never end. */
  readonly deadLetter?: DeadLetterConfig | 'discard' | undefined
  readonly inFlight: number
  readonly rate?: string | undefined
  readonly decode: Decoding
  readonly batch: BatchConfig
  readonly slow: string
  /** Present: messages are requests, and their answers are brought back. */
  readonly reply?: ReplyConfig | undefined
  /** Plug-ins that it uses, and files that its steps read. Not part of the file. */
  readonly files?: readonly FileDigest[] | undefined
}

export type LogConfig = Readonly<Required<Static<typeof LogOptions>>>

/** The whole file as resolved. */
export interface Config {
  readonly connections: ReadonlyMap<string, ConnectionConfig>
  /** In the order of the file, disabled ones included. */
  readonly routes: ReadonlyMap<string, RouteConfig>
  readonly plugins: readonly string[] | undefined
  readonly admin: AdminConfig
  readonly memory: string
  readonly slow: string
  readonly shutdown: Readonly<{ drain: string }>
  readonly reload: Readonly<{ watch: boolean }>
  readonly log: LogConfig
}
