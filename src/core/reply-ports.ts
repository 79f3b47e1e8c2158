import type { SluiceError } from './errors.ts'
import type { Message } from './message.ts'

// Request/reply (docs/request-reply.md). A driver implements two small things: an inbox, where the answers to what a route
// has asked arrive, and an answerer, which brings an answer to who asked. Table, time-outs, retries, batches and metrics are
// the engine's. A driver with both says so in Features.replies.

export interface InboxOptions {
  /**
   * Of this route in this process, and of no other: letters, digits and dashes, at most 40. The next inbox of a name is opened
   * after the last one was disposed of. Every correlation it will be given begins with the name and a dot.
   */
  readonly name: string
  /** `reply.address` of the route: the shared address, or how the name of an own address begins; undefined = the driver's default. */
  readonly address: string | undefined
  /** The options of the route's sink. An address that is missing may be created where they say so. */
  readonly sink: unknown
  /** How long an answer is waited for, in ms: what is older need not be kept. */
  readonly timeoutMs: number
}

/** An answer that has arrived. */
export interface Reply {
  /** What `ask` was given for the request; of an answer that is for somebody else, or for nobody, any text or ''. */
  readonly correlation: string
  /** Without what addressed it to us (correlation, reply address); headers, properties and bytes as the responder sent them. */
  readonly message: Message
  /** There will be no answer: the broker says why (NATS: NO_RESPONDER). The message is then not looked at. */
  readonly error?: SluiceError | undefined
}

/** One session of an inbox. The engine opens the next one, of the same name, when this one ends. */
export interface ReplyInbox extends AsyncDisposable {
  /**
   * A copy of the request, ready for the route's sink, that asks for its answer to come here under this correlation: the
   * name of the inbox, a dot, and letters and digits; at most 80 long; another one for each request, the same when a request
   * is sent again. Where the responder does not echo a correlation id, the address may end in it (NATS: a reply subject each).
   * Whatever the request says itself of where its answer goes is replaced: it is the requester's. Pure; also called after the
   * session has ended: the address is the same for all inboxes of a name.
   */
  ask(request: Message, correlation: string): Message
  /**
   * Answers as they arrive; the inbox acknowledges them by itself. Nothing that arrives after the opening is missed while the
   * session lives; whether what arrives between two sessions is kept is the broker's. Ends when `signal` aborts; throws a
   * SluiceError when the session is lost or refused. Called once.
   */
  receive(signal: AbortSignal): AsyncIterable<readonly Reply[]>
}

/** An answer to be brought to who asked. */
export interface Answer {
  /** As the source received it: it says where the answer goes, and under which correlation. */
  readonly request: Message
  /** What to send. Address, correlation and anything else by which the requester knows it are added by the driver. */
  readonly reply: Message
  /** Set when the answer is an error: `reply` says so in its body and in the header `sluice-error`; the driver adds what its protocol has for it. */
  readonly error: SluiceError | undefined
}

/** Answers requests. Reconnects by itself: a call after a loss tries anew. */
export interface Answerer extends AsyncDisposable {
  /** Whether somebody waits for an answer to this message of a source: it says where to send one. Pure. */
  expects(request: Message): boolean
  /**
   * Sends answers. One result per answer, in the same order: null = the broker has it; REQUESTER_GONE = nobody can get it any
   * more; a `retry` = once more, soon; anything else = not this answer. Never throws; an aborted signal or a disposed answerer
   * gives ABORTED. Calls may overlap. The address is the requester's choice: what is wrong with one must not hurt another.
   */
  answer(answers: readonly Answer[], signal: AbortSignal): Promise<readonly (SluiceError | null)[]>
}
