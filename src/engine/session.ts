import { SluiceError } from '../core/errors.ts'
import type { Delivery, Source } from '../core/ports.ts'
import type { Admission } from './admission.ts'
import type { Progress } from './progress.ts'

export interface SessionOptions {
  readonly admission: Admission
  readonly progress: Progress
  /** The route stops receiving. */
  readonly signal: AbortSignal
}

/** How long a source may take to end after it was told to, in ms; then it is left to itself and disposed of. */
const GRACE = 1_000

/**
 * Receives from a source until the signal aborts. Throws what ends the session: the source's own error, SOURCE_STUCK when
 * it has lag and delivers nothing, CHANNEL_LOST when it ends by itself.
 */
export async function receive(source: Source, { admission, progress, signal }: SessionOptions): Promise<void> {
  const stuck = new AbortController()
  const stop = AbortSignal.any([signal, stuck.signal])
  const watch = progress.watch(source, admission, error => stuck.abort(error))
  try {
    await admission.room()
    const batches = source.receive(stop)[Symbol.asyncIterator]()
    try {
      for (;;) {
        const batch = await nextOf(batches, stop)
        if (batch === undefined) break
        await admission.admit(batch)
        await admission.room()
        if (stop.aborted) break
      }
    } finally {
      leave(batches)
    }
  } finally {
    watch.stop()
  }
  if (signal.aborted) return
  if (stuck.signal.aborted) throw stuck.signal.reason
  throw new SluiceError('CHANNEL_LOST', 'the source ended by itself')
}

// The next batch; undefined = there is none, or the source does not end although it was told to.
function nextOf(
  batches: AsyncIterator<readonly Delivery[]>,
  stop: AbortSignal,
): Promise<readonly Delivery[] | undefined> {
  return new Promise((resolve, reject) => {
    let timer: NodeJS.Timeout | undefined
    const lose = () => {
      timer = setTimeout(resolve, GRACE, undefined)
    }
    const end = () => {
      clearTimeout(timer)
      stop.removeEventListener('abort', lose)
    }
    if (stop.aborted) lose()
    else stop.addEventListener('abort', lose)
    batches.next().then(
      ({ done, value }) => {
        end()
        resolve(done === true ? undefined : value)
      },
      error => {
        end()
        reject(error)
      },
    )
  })
}

// Lets a generator run its `finally`; one that hangs is not waited for, and the source's disposal reports what is wrong.
function leave(batches: AsyncIterator<unknown>): void {
  void batches.return?.().catch(() => {})
}
