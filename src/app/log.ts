import { pino } from 'pino'
import { SluiceError } from '../core/errors.ts'
import type { Log } from '../core/ports.ts'
import { formatRecord, type TextStyle } from './text-log.ts'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

export interface LogOptions {
  readonly level: LogLevel
  /** JSON lines, or text for a person in the given style. */
  readonly format: 'json' | TextStyle
  /** Hides secrets in a finished line. */
  redact(line: string): string
  write(line: string): void
}

/** A log whose least level can be changed while it is written. */
export interface LeveledLog extends Log {
  level: LogLevel
}

/** The log of a process. Errors are written as code, message and hint; their stack only at `debug`. */
export function createLog({ level, format, redact, write }: LogOptions): LeveledLog {
  const serialize = (error: unknown) => errorFields(error, log.level === 'debug')
  const log = pino(
    {
      level,
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: label => ({ level: label }) },
      serializers: { error: serialize, err: serialize },
    },
    {
      write: line =>
        write(redact(format === 'json' ? line : formatRecord(JSON.parse(line) as Record<string, unknown>, format))),
    },
  )
  return log as typeof log & { level: LogLevel }
}

function errorFields(error: unknown, stack: boolean): unknown {
  if (!(error instanceof Error)) return error
  const known =
    error instanceof SluiceError
      ? { code: error.code, hint: error.hint }
      : { code: (error as NodeJS.ErrnoException).code }
  const cause = error.cause instanceof Error ? error.cause.message : undefined
  return { message: error.message, ...known, cause, stack: stack ? error.stack : undefined }
}
