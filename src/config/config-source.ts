import type { Issue, Problem } from './problem.ts'

/** A configuration as it was read: one file, or those of a folder. */
export interface ConfigSource {
  /** What was named: the file, or the folder. */
  readonly file: string
  /** The files it was read from. */
  readonly files: readonly string[]
  readonly value: unknown
  /** What keeps it from being read; empty when `value` is usable. */
  readonly problems: readonly Problem[]
  /** The issue with its place. */
  problem(issue: Issue): Problem
  /** The text of one of the files; empty for any other. */
  textOf(file: string): string
}
