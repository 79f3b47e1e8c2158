import { SUSPECT_FROM } from '../../core/suspect.ts'

const NOTE = /^sluice:([1-9]\d{0,5}):(\d{1,16})(?::([1-9]\d{0,5})@(\d{1,16}))?$/

interface Trial {
  readonly offset: number
  readonly count: number
}

/**
 * How often the records of a partition were delivered. Kafka does not count, so the group's commit says it beside the
 * offset: `sluice:<count>:<until>` = records before `until` were out `count` times when the process last ended in
 * disorder. It is written when an assignment begins, so that it is there whatever happens next. A process that is killed
 * for another reason may have come to none of them; so from the suspects on (SUSPECT_FROM) only the record counts that was
 * handed out alone, and the note names it: `:<count>@<offset>`.
 */
export class Attempts {
  readonly #earlier: number
  readonly #until: number
  readonly #inFlight: number
  readonly #before: Trial | undefined
  #trial: Trial | undefined

  /** @param note what the commit says; anything but such a note = never delivered. */
  constructor(note: string, inFlight: number) {
    const match = NOTE.exec(note)
    this.#earlier = Math.min(Number(match?.[1] ?? 0), SUSPECT_FROM - 1)
    this.#until = Number(match?.[2] ?? 0)
    if (match?.[4] !== undefined) this.#before = { count: Number(match[3]), offset: Number(match[4]) }
    this.#inFlight = inFlight
  }

  /** 1 = the first delivery. */
  of(offset: number): number {
    const together = offset < this.#until ? this.#earlier + 1 : 1
    return this.#before?.offset === offset ? Math.max(together, this.#before.count + 1) : together
  }

  /** The record goes out alone: notes say so from now on. */
  alone(offset: number): void {
    this.#trial = { offset, count: this.of(offset) }
  }

  /** For a commit of `offset` while records behind it are out. */
  outNote(offset: number): string {
    const trial = ahead(this.#trial, offset) ?? ahead(this.#before, offset)
    if (offset < this.#until) return note(Math.min(this.#earlier + 1, SUSPECT_FROM - 1), this.#until, trial)
    return note(1, offset + this.#inFlight, trial)
  }

  /** For a commit of `offset` at an orderly end: this assignment does not count. */
  endNote(offset: number): string {
    const trial = ahead(this.#before, offset)
    return offset < this.#until ? note(this.#earlier, this.#until, trial) : trial ? note(1, offset, trial) : ''
  }
}

// What lies before the commit is settled.
const ahead = (trial: Trial | undefined, offset: number) =>
  trial !== undefined && trial.offset >= offset ? trial : undefined

function note(count: number, until: number, trial: Trial | undefined): string {
  const alone = trial === undefined ? '' : `:${Math.min(trial.count, 999_999)}@${trial.offset}`
  return `sluice:${Math.min(count, 999_999)}:${until}${alone}`
}
