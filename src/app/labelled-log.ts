import type { Log } from '../core/ports.ts'

/** The log with these fields in every line. */
export function labelled(log: Log, label: object): Log {
  return {
    debug: (fields, message) => log.debug({ ...label, ...fields }, message),
    info: (fields, message) => log.info({ ...label, ...fields }, message),
    warn: (fields, message) => log.warn({ ...label, ...fields }, message),
    error: (fields, message) => log.error({ ...label, ...fields }, message),
  }
}
