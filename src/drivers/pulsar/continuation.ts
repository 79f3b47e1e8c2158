import { SluiceError } from '../../core/errors.ts'
import { follows, isBehind, type MessageId } from './message-id.ts'
import { printTopic } from './topic-name.ts'
import type { Received } from './transport.ts'

/** Longer than a broker waits before it lets a new consumer begin (`activeConsumerFailoverDelayTimeMillis`, 1,000 by default). */
const DOUBT_MS = 3_000

/** What a process remembers of one partition from one session to the next. */
interface Mark {
  /** The newest that was received. */
  newest: MessageId
  /** Those that were not settled when a session ended and have not come again, oldest first. At most `inFlight` of the route. */
  owed: MessageId[]
  /** What an earlier session began with that did not follow. If the next one does as well, what is between is gone. */
  doubted: MessageId | undefined
}

/** By partition. Bounded by the topics of a route. */
export type Marks = Map<string, Mark>

/**
 * Makes sure that a session on a failover subscription goes on where the session before left off.
 *
 * A broker that makes a consumer the active one waits a second before it goes back to the oldest message that is not
 * acked. If what it was sending to the consumer before is written within that second, it reads on from there, for the
 * new one: a thousand later messages and more come first (seen in 4.2.4, `PersistentDispatcherSingleActiveConsumer`,
 * after a broker had stood still). So what is owed of a partition has to come in its order, and then the message that
 * follows the newest; anything else is forgotten, and comes again when the broker has gone back. A nack would let the
 * broker go back at once, and is no way out: under load it lost whole blocks until the next session (6 of 12 times).
 */
export class Continuation {
  readonly #marks: Marks
  readonly #lost: (error: SluiceError) => void
  /** Partitions that have gone on, in this session. */
  readonly #goesOn = new Set<string>()
  readonly #doubts = new Map<string, NodeJS.Timeout>()

  /** @param lost called once at most, when the broker has not gone back: the session cannot go on, the next one may */
  constructor(marks: Marks, lost: (error: SluiceError) => void) {
    this.#marks = marks
    this.#lost = lost
  }

  /** True = to be handed out; false = to be forgotten, it comes again. */
  passes(received: Received): boolean {
    const { id } = received
    const place = placeOf(received)
    const mark = this.#marks.get(place)
    if (mark === undefined) {
      this.#marks.set(place, { newest: id, owed: [], doubted: undefined })
      this.#goesOn.add(place)
      return true
    }
    if (!this.#goesOn.has(place) && !isNext(id, mark)) {
      this.#doubt(place, mark, id)
      return false
    }
    this.#trust(place)
    while (mark.owed.length > 0 && !isBehind(mark.owed[0]!, id)) mark.owed.shift()
    if (isBehind(id, mark.newest)) {
      mark.newest = id
      mark.doubted = undefined
      this.#goesOn.add(place)
    }
    return true
  }

  #doubt(place: string, mark: Mark, id: MessageId): void {
    if (this.#doubts.has(place)) return
    const timer = setTimeout(() => {
      mark.doubted = id
      this.#lost(
        new SluiceError('CONNECTION_LOST', `${place}: the broker has passed over messages; it is asked again for them`),
      )
    }, DOUBT_MS)
    this.#doubts.set(place, timer)
  }

  #trust(place: string): void {
    const timer = this.#doubts.get(place)
    if (timer === undefined) return
    clearTimeout(timer)
    this.#doubts.delete(place)
  }

  /** The session is over, and `held` is not settled. */
  end(held: Iterable<Received>): void {
    for (const timer of this.#doubts.values()) clearTimeout(timer)
    for (const received of held) this.#marks.get(placeOf(received))?.owed.push(received.id)
    for (const mark of this.#marks.values()) mark.owed.sort((a, b) => (isBehind(a, b) ? 1 : -1))
  }
}

function isNext(id: MessageId, { newest, owed, doubted }: Mark): boolean {
  if (doubted !== undefined && !isBehind(id, doubted)) return true
  const [oldest] = owed
  if (oldest !== undefined) return !isBehind(id, oldest)
  return !isBehind(id, newest) || follows(id, newest)
}

function placeOf({ topic, id }: Received): string {
  return id.partition < 0 ? printTopic(topic) : `${printTopic(topic)}-partition-${id.partition}`
}
