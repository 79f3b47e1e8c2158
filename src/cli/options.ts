import { type Command, InvalidArgumentError, Option } from 'commander'
import type { LogLevel } from '../app/log.ts'
import { describe } from '../core/errors.ts'
import { milliseconds, perSecond } from '../core/schema.ts'

export interface CommonOptions {
  readonly config: string
  readonly log?: 'json' | 'text'
  readonly logLevel?: LogLevel
}

/** The options of every command that reads the configuration. */
export function withCommon(command: Command): Command {
  return command
    .addOption(
      new Option('-c, --config <file>', 'configuration file, or a folder of .yaml files').default('routes.yaml'),
    )
    .addOption(
      new Option('--log <format>', 'text or json; default: text on a terminal, else json').choices(['json', 'text']),
    )
    .addOption(
      new Option('--log-level <level>', 'least level that is logged').choices(['debug', 'info', 'warn', 'error']),
    )
}

/** For option values; what core/schema.ts throws becomes a usage error. */
const parsed =
  <T>(parse: (text: string) => T) =>
  (text: string): T => {
    try {
      return parse(text)
    } catch (error) {
      throw new InvalidArgumentError(`${describe(error)}.`)
    }
  }

export const parseDuration = parsed(milliseconds)
export const parseRate = parsed((text: string) => {
  const rate = perSecond(text)
  if (rate <= 0) throw new InvalidArgumentError('The rate must be above 0.')
  return rate
})
export const parseCount = parsed((text: string) => {
  if (!/^[1-9][0-9]{0,14}$/.test(text)) throw new InvalidArgumentError('It must be a whole number, at least 1.')
  return Number(text)
})

export const parsePort = parsed((text: string) => {
  if (!/^[0-9]{1,5}$/.test(text) || Number(text) > 65_535)
    throw new InvalidArgumentError('It must be a port, 0 to 65535.')
  return Number(text)
})

export const parseUrl = parsed((text: string) => {
  if (!/^https?:\/\//.test(text) || !URL.canParse(text)) throw new InvalidArgumentError(`"${text}" is not a url.`)
  return text
})

export const parseWorkers = parsed((text: string) => {
  if (!/^[0-9]{1,2}$/.test(text) || Number(text) < 1 || Number(text) > 64)
    throw new InvalidArgumentError('It must be a whole number, 1 to 64.')
  return Number(text)
})

/** For an option that may be given several times. */
export const collect = (value: string, before: readonly string[] = []): readonly string[] => [...before, value]

export function parseHeader(
  text: string,
  before: readonly (readonly [string, string])[] = [],
): readonly (readonly [string, string])[] {
  const at = text.indexOf('=')
  if (at < 1) throw new InvalidArgumentError('Write name=value.')
  return [...before, [text.slice(0, at), text.slice(at + 1)]]
}
