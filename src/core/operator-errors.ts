import { type ErrorKind, errorKind as kind } from './error-kind.ts'

/** Errors of the operator's files and machine, and of the dead-letter target. */
export const OPERATOR_ERRORS = {
  // The operator's files and machine.
  CONFIG_INVALID: kind(
    'fatal',
    'endpoint',
    'The configuration cannot be applied.',
    'Correct each place that is listed; `sluice check` shows them again.',
  ),
  CONFIG_MISSING: kind('fatal', 'endpoint', 'The configuration file cannot be read.', 'Give its path with `-c FILE`.'),
  PLUGIN_INVALID: kind(
    'fatal',
    'endpoint',
    'A plug-in cannot be loaded.',
    'It must `export default definePlugin({ name, … })`.',
  ),
  PORT_IN_USE: kind(
    'fatal',
    'endpoint',
    'The port for health and metrics is taken.',
    'Set `admin: { port }` or `--admin-port` to a free one, or stop the other process.',
  ),
  DEAD_LETTER_WINDOW: kind(
    'fatal',
    'endpoint',
    'Too many of the last messages were dead-lettered, so the route stopped.',
    'Find what changed; restart the route when it is mended.',
  ),
  DEAD_LETTER_FAILED: kind(
    'retry',
    'endpoint',
    'The dead letter could not be written; the route holds.',
    'Mend the dead-letter target.',
  ),
} as const satisfies Record<string, ErrorKind>
