import { type ErrorKind, errorKind as kind } from './error-kind.ts'

/** Errors of one message. */
export const MESSAGE_ERRORS = {
  // This message, once more.
  NACKED: kind(
    'retry',
    'message',
    'The broker refused to store the message this time.',
    'Check the limits of the queue (`max-length` with `reject-publish`) and its replicas.',
  ),
  UNROUTABLE_RETRY: kind(
    'retry',
    'message',
    'No queue is bound for the message, and the route says `unroutable: retry`.',
    'Bind a queue for the routing key.',
  ),
  BATCH_BROKEN: kind(
    'retry',
    'message',
    'A message before this one in the same batch failed, so this one was not sent.',
    'Nothing to do.',
  ),
  ABORTED: kind('retry', 'endpoint', 'The work was given up because the route stops.', 'Nothing to do.'),
  TRANSFORM_AGAIN: kind('retry', 'message', 'A plug-in asked for another attempt.', 'See the message of the plug-in.'),
  UNKNOWN: kind('retry', 'message', 'An error Sluice does not know.', 'Read the cause; please report it.'),

  // This message, never: put aside with its reason.
  TOO_LARGE: kind(
    'poison',
    'message',
    'The message, headers included, is larger than the target takes.',
    'Raise the limit of the target (and `maxBytes` of the route), or keep such messages away.',
  ),
  UNROUTABLE: kind(
    'poison',
    'message',
    'No queue is bound for the message, so the exchange returned it.',
    'Bind a queue for the routing key, or set `unroutable: retry`.',
  ),
  HEADERS_INVALID: kind(
    'poison',
    'message',
    'The headers or properties cannot be read or cannot be carried by the target.',
    'See the message for the header; `set` can replace it.',
  ),
  MESSAGE_REFUSED: kind(
    'poison',
    'message',
    'The target refuses this very message.',
    'Read the reason; correct the message with `set`, or mend the producer.',
  ),
  BODY_INVALID: kind(
    'poison',
    'message',
    'The body cannot be decoded as the route says.',
    'Mend the producer, or set `decode: text` or `decode: none`.',
  ),
  VALIDATION_FAILED: kind(
    'poison',
    'message',
    'The body does not match the JSON Schema of the route.',
    'Every violation is listed; mend the producer or the schema.',
  ),
  EXPRESSION_FAILED: kind(
    'poison',
    'message',
    'An expression could not be evaluated for this message.',
    'Guard optional fields with `has(…)` or `?:`, e.g. ${has(headers.user) ? headers.user : "none"}.',
  ),
  TRANSFORM_FAILED: kind(
    'poison',
    'message',
    'A transform or plug-in threw.',
    'See the message of the plug-in; `dlq redrive` after mending it.',
  ),
  TRANSFORM_HUNG: kind(
    'poison',
    'message',
    'A plug-in did not finish in its time-out.',
    'Raise `timeout` of the `use`, or mend the plug-in.',
  ),
  LATE: kind(
    'poison',
    'message',
    'The window of the message had closed before it came.',
    'Raise `lateness` of the window, or take late messages from the dead letters.',
  ),
  LOOP: kind(
    'poison',
    'message',
    'The message has passed this route before.',
    'Two routes feed each other; add a `filter`, or remove one.',
  ),
  ATTEMPTS_EXHAUSTED: kind(
    'poison',
    'message',
    'The message failed as often as `retry.attempts` allows.',
    'See the last error; `sluice dlq redrive` when it is mended.',
  ),
  // A request, or its answer (routes with `reply`).
  REPLY_TIMED_OUT: kind(
    'poison',
    'message',
    'Nobody answered the request in time.',
    'Look whether the responder is up, answers where the request says, and keeps the correlation id; or raise `reply.timeout`.',
  ),
  NO_RESPONDER: kind(
    'poison',
    'message',
    'The broker says that nobody is there to answer the request.',
    'Start the responder, or correct the address the route sends requests to.',
  ),
  REQUEST_FILTERED: kind(
    'poison',
    'message',
    'A transform dropped the request, so nobody will answer it.',
    'Nothing to do where the filter is meant; the requester is told.',
  ),
  REQUESTER_GONE: kind(
    'poison',
    'message',
    'The address for the answer does not exist any more.',
    'Nothing to do: the requester left before it was answered. Where it recurs, compare its time-out with `reply.timeout`.',
  ),
  CRASH_LOOP: kind(
    'poison',
    'message',
    'The gateway stopped while it held this message, again and again.',
    'Look for the cause in the log of the restarts; redrive when it is mended.',
  ),
} as const satisfies Record<string, ErrorKind>
