import type { Connection, EndpointContext, Source } from '../core/ports.ts'
import { closeQuietly, owned } from './patience.ts'

/** Longest wait for a source to open, in ms; a broker that says nothing is asked again. */
const OPEN_WAIT = 60_000

/** Opens a route's source. One that opens after all, when it is no longer waited for, is closed. */
export function openSource(
  connection: Connection,
  options: unknown,
  context: EndpointContext,
  signal: AbortSignal,
): Promise<Source> {
  const opened = connection.source(options, context, signal)
  return owned(opened, { ms: OPEN_WAIT, signal, what: 'opening the source' }, source =>
    closeQuietly(source, `a source of route ${context.route}`, context.log),
  )
}
