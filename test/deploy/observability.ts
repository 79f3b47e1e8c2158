import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'

export interface Rule {
  readonly alert: string
  readonly expr: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

/** What a histogram's name has behind it. */
export const SUFFIXES = ['_bucket', '_sum', '_count']

export function readRules(text: string): readonly Rule[] {
  return (parse(text) as { groups: readonly { rules: readonly Rule[] }[] }).groups.flatMap(group => group.rules)
}

/** Every metric of ours, or of the process, that a text names. */
export function metricsOf(text: string): readonly string[] {
  return [...new Set([...text.matchAll(/\b(?:sluice|process)_[a-z_]+\b/g)].map(([name]) => name))]
}

/** The headings of the run-book. */
export function runbook(root: string): readonly string[] {
  const page = readFileSync(join(root, 'docs/operations.md'), 'utf8')
  return [...page.matchAll(/^#+ `?([^`\n]+)`?$/gm)].map(([, title]) => title!)
}
