import type { Headers } from './rabbit-party.ts'

/** An answer as the requester heard it. */
export interface Heard {
  /** As bytes in hexadecimal: a correlation id need not be text. */
  readonly correlation: string
  readonly body: string
  readonly headers: Headers
  /** Of the header `sluice-error`. */
  readonly error: string | undefined
}

/** Asks, by an ordinary client of its broker, and hears. */
export interface Requester extends AsyncDisposable {
  readonly heard: readonly Heard[]
  /** Resolves when the broker has the requests. */
  ask(questions: readonly Question[]): Promise<void>
}

export interface Question {
  readonly body: string
  readonly correlation: Buffer
}

/** A request as the responder saw it. */
export interface Asked {
  readonly body: string
  readonly correlation: string
  readonly replyTo: string
}

/** Answers `re:` and the body, by an ordinary client of its broker; while `mute`, nothing. */
export interface Responder extends AsyncDisposable {
  readonly asked: readonly Asked[]
  mute: boolean
}

/** Requests `q0` … with correlations of 16 bytes that are no text. */
export function questions(count: number, from = 0): Question[] {
  return Array.from({ length: count }, (_, n) => {
    const correlation = Buffer.alloc(16, 0xfe)
    correlation.writeUInt32BE(from + n, 0)
    return { body: `q${from + n}`, correlation }
  })
}

/** What each question should be answered, by correlation. */
export const expected = (asked: readonly Question[]): Record<string, string> =>
  Object.fromEntries(asked.map(({ body, correlation }) => [correlation.toString('hex'), `re:${body}`]))

/** What each question was answered. */
export const answers = (heard: readonly Heard[]): Record<string, string> =>
  Object.fromEntries(heard.map(({ body, correlation }) => [correlation, body]))
