import { type ErrorCode, SluiceError } from '../../core/errors.ts'
import { type ApiError, apiFailure } from './errors.ts'

/** A stream has stored a message. */
export interface PublishAck {
  readonly stream: string
  readonly seq: number
  /** It had one of that id, which is the one under `seq`. */
  readonly duplicate?: boolean
}

/** Why a stream refuses one message. */
const REFUSALS: Readonly<Record<number, ErrorCode>> = {
  10054: 'TOO_LARGE', // message size exceeds maximum allowed
  10097: 'TOO_LARGE', // header size exceeds maximum allowed
  10077: 'NACKED', // store failed: a limit of the stream with `discard: new`
  10167: 'NACKED', // too many requests
  10070: 'MESSAGE_REFUSED', // wrong last message id
  10071: 'MESSAGE_REFUSED', // wrong last sequence
  10164: 'MESSAGE_REFUSED', // wrong last sequence (unspecified)
  10165: 'MESSAGE_REFUSED', // message TTL invalid
  10166: 'MESSAGE_REFUSED', // message TTL disabled
  10109: 'ADDRESS_MISMATCH', // the stream is sealed
}

/** The answer of a stream to a publish. */
export function readAck(body: Buffer): PublishAck | SluiceError {
  let answer: PublishAck & { readonly error?: ApiError }
  try {
    answer = JSON.parse(body.toString('latin1')) as typeof answer
  } catch {
    return new SluiceError('UNAVAILABLE', 'what answered the publish is no stream')
  }
  const { error } = answer
  if (error === undefined)
    return typeof answer.seq === 'number'
      ? answer
      : new SluiceError('UNAVAILABLE', 'what answered the publish is no stream')
  const code = REFUSALS[error.err_code ?? 0]
  if (code === undefined) return apiFailure(error, 'storing the message')
  return new SluiceError(code, `the stream refused the message: ${error.description} (${error.err_code})`)
}
