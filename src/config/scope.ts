import type { TSchema } from 'typebox'
import { ERRORS } from '../core/error-table.ts'
import { describe } from '../core/errors.ts'
import type { Driver, OptionProblem } from '../core/ports.ts'
import type { Registry } from '../core/registry.ts'
import { withDefaults } from './defaults.ts'
import type { LoadSources } from './environment.ts'
import type { Issue, Path } from './problem.ts'
import { Secrets } from './secrets.ts'
import { Validator } from './validator.ts'

export type Mapping = Readonly<Record<string, unknown>>

export const isMapping = (value: unknown): value is Mapping =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** What a check needs to know beside the file. */
export interface CheckContext {
  readonly registry: Registry
  readonly sources: LoadSources
  /** Folder of the configuration file. */
  readonly baseDir: string
  /** Drivers that exist and need not be loaded, for suggestions. */
  readonly drivers?: readonly Pick<Driver, 'name' | 'schemes'>[]
}

/** One check under way: what it knows, and what it has found so far. */
export class Scope {
  readonly issues: Issue[] = []
  readonly secrets = new Secrets()
  readonly context: CheckContext
  readonly #validator = new Validator()

  constructor(context: CheckContext) {
    this.context = context
  }

  report(path: Path, message: string, hint?: string, more: Partial<Issue> = {}): undefined {
    this.issues.push({ path, message, hint, ...more })
    return undefined
  }

  warn(path: Path, message: string, hint?: string): void {
    this.issues.push({ path, message, hint, severity: 'warning' })
  }

  /** The value with its defaults, or undefined after reporting what is wrong with it. */
  valid(schema: TSchema, value: unknown, path: Path, expressions: 'message' | 'none' = 'message'): unknown {
    const { issues, secrets } = this.#validator.issues(schema, value, path, expressions)
    for (const secret of secrets) this.secrets.addOption(secret)
    this.issues.push(...issues)
    return issues.length > 0 ? undefined : withDefaults(schema, value, (branch, inner) => this.#fits(branch, inner))
  }

  /** Reports what a driver's or transform's own check says; a check that throws says what it threw. False = something is wrong. */
  further(check: () => readonly OptionProblem[] | undefined, path: Path): boolean {
    let problems: readonly OptionProblem[]
    try {
      problems = check() ?? []
    } catch (error) {
      problems = [{ path: [], message: describe(error) }]
    }
    // The general hint of the code says nothing that the place does not show.
    for (const { path: inner, message, hint, severity } of problems)
      this.report([...path, ...inner], message, hint === ERRORS.OPTIONS_INVALID.hint ? undefined : hint, { severity })
    return problems.every(({ severity }) => severity === 'warning')
  }

  #fits(schema: TSchema, value: unknown): boolean {
    return this.#validator.issues(schema, value, [], 'none').issues.length === 0
  }
}
