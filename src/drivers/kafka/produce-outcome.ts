import type { ProduceAnswer } from './produce.ts'

/** What an answer means for the batch. */
export type Outcome = 'stored' | 'again' | 'too large' | 'identity lost' | 'refused'

const IDENTITY_LOST: ReadonlySet<string> = new Set([
  'OUT_OF_ORDER_SEQUENCE_NUMBER',
  'UNKNOWN_PRODUCER_ID',
  'INVALID_PRODUCER_ID_MAPPING',
  'INVALID_PRODUCER_EPOCH',
  'PRODUCER_FENCED',
])
const TOO_LARGE: ReadonlySet<string> = new Set(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE'])

export function outcome({ error }: ProduceAnswer): Outcome {
  const name: unknown = error?.['apiId']
  if (error === undefined || typeof name !== 'string') return error === undefined ? 'stored' : 'again'
  // The broker has this very batch already: the answer to an earlier sending was lost.
  if (name === 'DUPLICATE_SEQUENCE_NUMBER') return 'stored'
  if (IDENTITY_LOST.has(name)) return 'identity lost'
  if (TOO_LARGE.has(name)) return 'too large'
  return error['canRetry'] === true || name === 'UNKNOWN_SERVER_ERROR' ? 'again' : 'refused'
}
