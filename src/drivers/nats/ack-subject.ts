/** What JetStream says of a delivery in the subject on which it awaits the ack. */
export interface AckSubject {
  /** How often it has been delivered, this time included. */
  readonly deliveries: number
  readonly streamSequence: number
  /** Milliseconds since the epoch when it was stored. */
  readonly time: number
  /** Messages of the consumer that were waiting behind it. */
  readonly pending: number
}

const PREFIX = '$JS.ACK.'
// $JS.ACK.<stream>.<consumer>.<deliveries>.<stream sequence>.<consumer sequence>.<time>.<pending>
const SHORT = 9
// $JS.ACK.<domain>.<account>.<stream>.<consumer>.<deliveries>. … .<pending>[.<token>]
const LONG = 11

/** Reads the reply subject of a message; undefined when it is not one of a consumer. */
export function parseAck(reply: string): AckSubject | undefined {
  if (!reply.startsWith(PREFIX)) return undefined
  const tokens = reply.split('.')
  const first = tokens.length === SHORT ? 4 : tokens.length >= LONG ? 6 : 0
  if (first === 0) return undefined
  const time = tokens[first + 3]!
  return {
    deliveries: Number(tokens[first]),
    streamSequence: Number(tokens[first + 1]),
    // Nanoseconds: their last six digits are cut off, as a double does not hold them.
    time: Number(time.length > 6 ? time.slice(0, -6) : 0),
    pending: Number(tokens[first + 4]),
  }
}
