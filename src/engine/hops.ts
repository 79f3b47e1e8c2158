import { SluiceError } from '../core/errors.ts'
import { Headers } from '../core/headers.ts'
import { HOPS_HEADER, type Message } from '../core/message.ts'

/** Most hops a message may carry; more is a loop through routes we do not see the whole of. */
const MOST_HOPS = 64
/** Most characters of the hops that a reason repeats. */
const MOST_SHOWN = 300

/**
 * Loop prevention: every message that leaves carries the routes it passed in `sluice-hops`, comma-separated.
 * One that arrives with this route's own mark is poison (LOOP). Anybody may have put anything under that name.
 */
export class Hops {
  readonly #mark: string

  /** @param mark identifies the route wherever it runs, without a comma: its name and a fingerprint of its ends. */
  constructor(mark: string) {
    this.#mark = mark
  }

  /** Throws LOOP; HEADERS_INVALID where the headers cannot be decoded. */
  check(message: Message): void {
    const passed = passedBy(message)
    if (passed === undefined) return
    const marks = passed.split(',')
    if (marks.includes(this.#mark))
      throw new SluiceError('LOOP', `the message passed this route before (${passed.slice(-MOST_SHOWN)})`)
    if (marks.length >= MOST_HOPS)
      throw new SluiceError('LOOP', `the message has passed ${marks.length} routes already`)
  }

  /** A copy that says it passed this route. */
  mark(message: Message): Message {
    const passed = passedBy(message)
    const headers =
      passed === undefined
        ? message.headers.concat([[HOPS_HEADER, this.#mark]])
        : message.headers.with(HOPS_HEADER, passed === '' ? this.#mark : `${passed},${this.#mark}`)
    return message.with({ headers })
  }
}

// What is under the name as text, of a repeated name all of it; undefined = the name is not there.
function passedBy({ headers }: Message): string | undefined {
  if (headers.get(HOPS_HEADER) === undefined) return undefined
  const values = headers.getAll(HOPS_HEADER)
  return values.map(value => Headers.of({ [HOPS_HEADER]: value }).text(HOPS_HEADER) ?? '').join(',')
}
