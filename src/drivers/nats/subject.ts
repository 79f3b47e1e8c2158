import { SluiceError } from '../../core/errors.ts'

// Tokens without whitespace, wildcards and control characters, joined by dots. Anything else could end the line it is sent in.
const TOKEN = '[^\\s.*>\\u0000-\\u0020\\u007f]+'
const SUBJECT = new RegExp(`^${TOKEN}(?:\\.${TOKEN})*$`)
const PATTERN = new RegExp(`^(?:(?:${TOKEN}|\\*)\\.)*(?:${TOKEN}|\\*|>)$`)
/** The server refuses longer lines by ending the connection. */
const LONGEST = 1_024

/** For options: a subject, in which whole tokens may be `*` and the last one `>`. */
export const SUBJECT_PATTERN = PATTERN.source
/** For options: names of streams, consumers and queue groups. */
export const NAME_PATTERN = '^[^\\s.*>/\\\\]{1,255}$'

export function isSubject(text: string): boolean {
  return text.length <= LONGEST && SUBJECT.test(text) && text.isWellFormed()
}

/** The text, if a message can be published to it. Throws MESSAGE_REFUSED. */
export function subjectName(value: unknown): string {
  const text = String(value ?? '')
  if (!isSubject(text))
    throw new SluiceError('MESSAGE_REFUSED', `"${text.slice(0, 250)}" cannot be a subject to publish to`, {
      hint: 'Subjects are up to 1,024 characters: tokens joined by single dots, without spaces, `*` and `>`.',
    })
  return text
}

/** Whether a subject is one of those that the pattern stands for. */
export function covers(pattern: string, subject: string): boolean {
  const wanted = pattern.split('.')
  const tokens = subject.split('.')
  for (const [i, token] of wanted.entries()) {
    if (token === '>') return tokens.length > i
    if (i >= tokens.length || (token !== '*' && token !== tokens[i])) return false
  }
  return wanted.length === tokens.length
}

/** A name for streams and consumers made of any text. */
export function asName(text: string): string {
  return text.replace(/[\s.*>/\\]/g, '_').slice(0, 255)
}
