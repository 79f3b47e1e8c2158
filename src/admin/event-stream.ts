import type { StreamEvent } from './endpoint.ts'

export interface EventStreamOptions {
  readonly events: AsyncIterator<StreamEvent>
  readonly text: (data: unknown) => string
  /** Ends the stream. */
  readonly signal: AbortSignal
  /** The caller does not read any more. */
  gone(): void
  /** Called once, when everything is over. */
  ended(): void
}

/** How soon a caller whose stream broke should ask again, in ms. */
const RETRY = 2_000

/**
 * An answer of server-sent events. The next event is made when the last was taken: a slow reader costs nothing. Throws what
 * the first event throws, so that a refusal is still an answer of its own.
 */
export async function eventStream(options: EventStreamOptions): Promise<Response> {
  const { events, text, signal, gone, ended } = options
  const first = await events.next()
  const encoder = new TextEncoder()
  const encoded = ({ event, data }: StreamEvent) => encoder.encode(`event: ${event}\ndata: ${text(data)}\n\n`)
  let over = false
  const end = () => {
    if (over) return
    over = true
    void events.return?.()
    ended()
  }
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(encoder.encode(`retry: ${RETRY}\n\n`))
      if (first.done !== true) controller.enqueue(encoded(first.value))
    },
    async pull(controller) {
      const next = await events.next().catch(() => ({ done: true as const, value: undefined }))
      if (over) return
      if (next.done === true || signal.aborted) {
        end()
        controller.close()
      } else controller.enqueue(encoded(next.value))
    },
    cancel() {
      gone()
      end()
    },
  })
  return new Response(body, {
    headers: { 'content-type': 'text/event-stream; charset=utf-8', 'x-accel-buffering': 'no' },
  })
}
