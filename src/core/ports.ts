import type { TSchema } from 'typebox'
import type { SluiceError } from './errors.ts'
import type { Examined } from './finding.ts'
import type { GatherFactory } from './gather.ts'
import type { Message } from './message.ts'
import type { Previewer } from './preview.ts'
import type { Answerer, InboxOptions, ReplyInbox } from './reply-ports.ts'

/** The log every part writes to: one structured line per event; fields first, sentence second (pino's form). */
export interface Log {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** A message with the duty to settle it. Both calls are idempotent: the first wins, later ones do nothing. */
export interface Delivery {
  readonly message: Message
  /**
   * True once the source can no longer settle it (session lost, partition revoked): the broker delivers it again,
   * `ack` and `release` do nothing, and what has not been published yet need not be. Never goes back to false.
   */
  readonly expired: boolean
  /** The target has it durably. Returns at once; the source coalesces acks and sends them within milliseconds. */
  ack(): void
  /** Give it back to be delivered again, not before `delayMs` (default 0). Never a hot loop: the source may wait longer. */
  release(delayMs?: number): void
}

export interface Source extends AsyncDisposable {
  /**
   * Batches as they arrive. Ends when `signal` aborts (without an error); throws a SluiceError when the session is lost or
   * refused, after which the engine disposes of this source and makes a new one with backoff. Called once per source.
   * Never more than `inFlight` deliveries (EndpointContext) are unsettled at once: the source stops reading meanwhile.
   * Deliveries stay settleable after the signal until the source is disposed; disposal sends the pending acks first.
   */
  receive(signal: AbortSignal): AsyncIterable<readonly Delivery[]>
  /** Messages waiting in the source and not yet received; undefined when it cannot be told. */
  lag?(signal: AbortSignal): Promise<number | undefined>
  /** Another reader may rightly get all of the lag: that nothing arrives here says nothing. Default: false. */
  readonly standingBy?: boolean
}

export interface Sink extends AsyncDisposable {
  /**
   * Publishes durably. One result per message, in the same order: null = confirmed by the broker, else why not.
   * Never throws; an aborted signal or a disposed sink gives ABORTED results. Calls may overlap. Messages of one call
   * keep their order per target address and key. Reconnects by itself: a call after a loss tries anew.
   * @param runs for each message the number of its run: messages that keep one order, whatever their keys. For
   * Features.orderedBatch; absent: the messages of one address and key are a run.
   */
  publish(
    messages: readonly Message[],
    signal: AbortSignal,
    runs?: readonly number[],
  ): Promise<readonly (SluiceError | null)[]>
  /**
   * Where the target stands now, as a text that only this driver reads. With `recall` it lets dedup find out, after a
   * kill, what had arrived. Both are there only where what was published can be read back.
   */
  position?(signal: AbortSignal): Promise<string>
  /** The values of `header` on everything published after `since`, until now. Throws a SluiceError. */
  recall?(since: string, header: string, signal: AbortSignal): Promise<ReadonlySet<string>>
}

/**
 * Ties what a route publishes to what it acknowledges: both become visible together, or neither does. Made by
 * Connection.transactions and handed to the source and the sinks of one route; what is in it only the driver knows.
 * Under it a sink's `null` says that the message is stored in the transaction under way, and `ack` that the delivery belongs
 * to it; the driver commits it when it sees fit, at a moment of TransactionContext.still. When one is aborted, every delivery
 * of the source expires in the same tick, results still out are errors, and the source begins again behind the last commit.
 */
export interface Transactions extends AsyncDisposable {}

export interface TransactionContext {
  readonly route: string
  readonly log: Log
  /**
   * Runs `work` at a moment when of every delivery either all that came of it is published and it is acked, or nothing of
   * it is published. Nothing is published until `work` has settled; one `work` at a time. Rejects with TIMED_OUT when there
   * is no such moment within `withinMs`, with ABORTED when the route ends, else as `work` does.
   */
  still<T>(work: () => Promise<T>, withinMs: number): Promise<T>
}

/** What a connection tells the endpoints it opens. */
export interface EndpointContext {
  /** Route for which the endpoint is opened; names consumers and shows up in the broker's own tools. */
  readonly route: string
  /** Most deliveries unsettled at once (sources). 1–1,000,000. */
  readonly inFlight: number
  /** Most bytes unsettled at once this endpoint should aim for (sources); a share of the process' memory budget. */
  readonly inFlightBytes: number
  readonly log: Log
  /** What this endpoint takes part in: a source acks into it, a sink publishes into it. Absent: nothing ties them. */
  readonly transactions?: Transactions | undefined
  /** A state worth showing: `blocked` by the broker, slow, recovered (`ok`). The engine shows it in health and logs it. */
  status(state: 'ok' | 'waiting' | 'blocked', reason?: string): void
}

export interface ConnectContext {
  /** Name of the connection in routes.yaml. */
  readonly name: string
  readonly log: Log
  /** Folder of the configuration file, for relative paths in options. */
  readonly baseDir: string
}

/** One configured connection. Opening it does no I/O; `check`, `source` and `sink` do, and throw SluiceErrors. */
export interface Connection extends AsyncDisposable {
  /** Proves that the broker is reachable and lets us in. Throws CONNECT_FAILED, AUTH_FAILED, TLS_FAILED, … */
  check(signal: AbortSignal): Promise<void>
  /**
   * Looks at one end of a route for `sluice doctor`: is it there, may we, does what it promises hold. Consumes, creates and
   * changes nothing. Throws what keeps it from looking.
   */
  examine?(part: 'source' | 'sink', options: unknown, context: EndpointContext, signal: AbortSignal): Promise<Examined>
  /** Opens a source. `options` were validated against the driver's `schema.source`. */
  source(options: unknown, context: EndpointContext, signal: AbortSignal): Promise<Source>
  /** Opens a sink. `options` were validated against the driver's `schema.sink`. */
  sink(options: unknown, context: EndpointContext, signal: AbortSignal): Promise<Sink>
  /** Opens the place where answers to our own requests arrive. With `answerer`, there when Features.replies says so. */
  inbox?(options: InboxOptions, context: EndpointContext, signal: AbortSignal): Promise<ReplyInbox>
  /** Opens what answers requests that the sources of this connection received. */
  answerer?(context: EndpointContext, signal: AbortSignal): Promise<Answerer>
  /**
   * For `delivery: exactly-once`, between a source and a sink of this connection; there where Features.transactions says so.
   * Does no I/O. Options are those of the route's source and sink.
   */
  transactions?(source: unknown, sink: unknown, context: TransactionContext): Transactions
}

/** What a driver can and cannot do. Engine and conformance suite ask these, never a driver's name. */
export interface Features {
  /** What comes again when some were settled and some not: only the unsettled ones, or all from the oldest unsettled on. */
  readonly redelivery: 'each' | 'from-oldest-unsettled'
  /** In one publish call, nothing is stored behind a failed message of the same run (see Sink.publish). Lets the engine send runs. */
  readonly orderedBatch: boolean
  /** Several sources share a group's work, and two groups each get everything. */
  readonly groups: boolean
  /** Headers survive the broker. */
  readonly headers: boolean
  /** The message's own ordering key survives the broker. */
  readonly keys: boolean
  /** A null body is told from an empty one. */
  readonly tombstones: boolean
  /** The source's `attempt` counts redeliveries (else it is 1, or 2 when flagged as redelivered). */
  readonly countsAttempts: boolean
  /** What is published stays for a consumer that comes later. */
  readonly durable: boolean
  /** Largest message in bytes the broker takes by default, headers included. */
  readonly maxBytes: number
  /** A source's lag is what waits for it alone: those of a group add up. Absent: each tells all that waits for the group. */
  readonly ownLag?: boolean
  /** A source and a sink of one connection can share transactions (Connection.transactions). Default: no. */
  readonly transactions?: boolean
  /** Name of the sink option that holds the ordering key, e.g. `key`; default of `order.by`. */
  readonly keyOption?: string
  /**
   * Routes with `reply` may begin and end here: connections have `inbox` and `answerer`. `own`: each inbox has an address of
   * its own, made for it (`reply.address` is how its name begins) · `shared`: all inboxes share the address `reply.address`
   * names, which the route has to give, and each takes what is meant for it. Absent: neither.
   */
  readonly replies?: 'own' | 'shared'
}

export interface DriverSchemas {
  readonly connection: TSchema
  readonly source: TSchema
  readonly sink: TSchema
}

export interface Driver {
  /** Lower case, e.g. `rabbitmq`. */
  readonly name: string
  /** URL schemes it answers to, without the colon, e.g. `['amqp', 'amqps']`. */
  readonly schemes: readonly string[]
  readonly features: Features
  /** Where endpoints of one driver differ: what holds for one with these options. Absent: `features`, for all. */
  featuresOf?(part: 'source' | 'sink', options: unknown): Features
  readonly schema: DriverSchemas
  /** No I/O, no background work: `options` were validated against `schema.connection`. */
  connect(options: unknown, context: ConnectContext): Connection
  /** The expression whose equal values the source keeps in one order while several gateways share it; absent: it is no matter. */
  partitionedBy?(sourceOptions: unknown): string | undefined
  /** Source options that read what a sink with these options wrote, sharing the reading under `group`; for `sluice dlq`. Undefined: nothing could. */
  readBack?(sinkOptions: unknown, group: string): unknown
  /** What a sink with these options would publish, for `sluice test`; pure, no I/O. Absent: what its templates give. */
  preview?(sinkOptions: unknown, connectionOptions: unknown): Previewer
  /** A broken option combination that the schema cannot say; pure, no I/O. One sentence each, with the option's path. */
  check?(part: keyof DriverSchemas, options: unknown): readonly OptionProblem[]
  /** The same for an end of a route with `reply`: options that keep requests from being read, or answers from coming back. */
  checkReply?(part: 'source' | 'sink', options: unknown): readonly OptionProblem[]
  /** What keeps this source and this sink from sharing transactions; paths begin with `from` or `to`. Pure, no I/O. */
  checkTransactions?(source: unknown, sink: unknown): readonly OptionProblem[]
}

export interface OptionProblem {
  /** Keys from the checked options inwards, e.g. `['bind', 0, 'keys']`. */
  readonly path: readonly (string | number)[]
  readonly message: string
  readonly hint?: string
  /** `warning`: it works, and hardly as meant; the configuration is used. Default: `error`. */
  readonly severity?: 'error' | 'warning'
}

/** One message in; one, several or none (= drop, counted as filtered) out. Throws a SluiceError or anything: poison. */
export type Transform = (message: Message) => TransformResult | Promise<TransformResult>
export type TransformResult = Message | readonly Message[] | undefined

export interface TransformContext {
  readonly route: string
  /** Folder of the configuration file, for relative paths in options. */
  readonly baseDir: string
  readonly log: Log
}

export interface TransformFactory {
  /** The key in a `transform:` list, e.g. `filter`, or the name after `use:`. A verb. */
  readonly name: string
  /** Of the value behind the key (built-ins) or of `with:` (plug-ins). */
  readonly schema: TSchema
  /** Does no background work. Throws OPTIONS_INVALID. */
  create(options: unknown, context: TransformContext): Transform | Promise<Transform>
  /** A problem the schema cannot see (a file that is missing, an expression that does not parse); pure but for reading files. */
  check?(options: unknown, context: { readonly baseDir: string }): readonly OptionProblem[]
  /** Absolute paths of the files that `create` reads: when one of them changes, the route is given a new transform. */
  files?(options: unknown, context: { readonly baseDir: string }): readonly string[]
}

export type Claim = 'fresh' | 'held' | 'done'

/**
 * Dedup keys, in two phases: claim before the work, confirm after the target has confirmed, forget when it failed.
 * Calls take many keys at once; answers keep their order. All may throw STORE_AWAY: the route then holds.
 */
export interface Store extends AsyncDisposable {
  /** `fresh`: ours for `leaseMs` · `held`: somebody works on it · `done`: confirmed within its window. Atomic per key. */
  claim(keys: readonly string[], leaseMs: number): Promise<readonly Claim[]>
  /** Remembers the keys as done for `rememberMs`. Durable when it resolves (survives kill -9 where the store persists). */
  confirm(keys: readonly string[], rememberMs: number): Promise<void>
  forget(keys: readonly string[]): Promise<void>
  /** Claims that were neither confirmed nor forgotten when the process that made them ended, oldest first. */
  inDoubt?(): Promise<readonly { readonly key: string; readonly claimedAt: number }[]>
  /** A text that lives and dies with the keys; undefined = none was written. */
  readNote?(): Promise<string | undefined>
  writeNote?(text: string): Promise<void>
}

export interface StoreContext {
  /** Route and purpose, a safe file name; two routes never share keys. */
  readonly name: string
  readonly baseDir: string
  /** Most keys remembered; the oldest go first. */
  readonly maxKeys: number
  readonly log: Log
}

export interface StoreFactory {
  readonly name: string
  readonly schema: TSchema
  open(options: unknown, context: StoreContext): Promise<Store>
}

/** What a plug-in exports (see definePlugin) and what the built-ins use themselves. */
export interface Plugin {
  readonly name: string
  readonly drivers?: readonly Driver[]
  readonly transforms?: readonly TransformFactory[]
  /** Steps that make one message of many. */
  readonly gathers?: readonly GatherFactory[]
  readonly stores?: readonly StoreFactory[]
}
