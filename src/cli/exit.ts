import { SluiceError } from '../core/errors.ts'

/**
 * Exit codes: 0 done · 1 failed while running · 2 wrong usage or configuration · 3 the environment (brokers, ports) refuses ·
 * 141 nobody reads the results any more, as a shell reports it of a program that SIGPIPE ended (128 + 13).
 */
export const EXIT = { ok: 0, runtime: 1, invalid: 2, environment: 3, cut: 141 } as const

const INVALID: ReadonlySet<string> = new Set(['CONFIG_INVALID', 'CONFIG_MISSING', 'PLUGIN_INVALID', 'OPTIONS_INVALID'])

/** The exit code that an error stands for. */
export function exitCodeOf(error: unknown): number {
  if (!(error instanceof SluiceError)) return EXIT.runtime
  if (INVALID.has(error.code)) return EXIT.invalid
  return error.scope === 'endpoint' ? EXIT.environment : EXIT.runtime
}
