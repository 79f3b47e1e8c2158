import type { Driver, Features } from '../../src/core/ports.ts'
import type { Testbed } from '../../src/core/testbed.ts'
import { CASES } from './all-cases.ts'
import type { Case, TestbedFacts } from './case.ts'
import { Lab } from './lab.ts'

export type { TestAddress, Testbed } from '../../src/core/testbed.ts'
export type { Case } from './case.ts'

/** A test runner: vitest's and node:test's `describe` and `it` fit. */
export interface Runner {
  describe(title: string, body: () => void): unknown
  it(title: string, body: (context: RunnerContext) => Promise<void>, timeoutMs?: number): unknown
}

/** What the runner gives to a test, as far as the suite uses it. */
export interface RunnerContext {
  skip(reason?: string): unknown
}

/** Cases that a driver does not pass, and why: shown in the output and in the table of brokers. */
export interface Skip {
  readonly reason: string
  readonly cases: readonly number[]
}

export interface ConformanceOptions {
  readonly driver: Driver
  readonly testbed: Testbed
  readonly skip?: readonly Skip[]
  /** Only these cases; all but these. For suites that run in parts; what a driver cannot pass belongs into `skip`. */
  readonly only?: readonly number[]
  readonly except?: readonly number[]
  readonly runner: Runner
}

/**
 * Registers the conformance suite for a driver with a test runner: `conformance({ driver, testbed, runner: { describe, it } })`.
 * What is expected follows `driver.features`; a case that the features do not promise, or that is skipped, says why.
 */
export function conformance({ driver, testbed, skip = [], only, except = [], runner }: ConformanceOptions): void {
  runner.describe(`conformance of ${testbed.label}`, () => {
    for (const one of CASES) {
      if (except.includes(one.number) || (only !== undefined && !only.includes(one.number))) continue
      const title = `${one.number}. ${one.title}`
      const reason = whyNot(one, driver.features, testbed, skip)
      if (reason !== undefined) runner.it(title, async context => void context.skip(reason))
      else runner.it(title, () => runCase(one, driver, testbed), timeoutOf(one, testbed))
    }
  })
}

/** Why the case is not run for this driver; undefined = it is. */
export function whyNot(
  one: Case,
  features: Features,
  testbed: TestbedFacts,
  skip: readonly Skip[],
): string | undefined {
  return skip.find(({ cases }) => cases.includes(one.number))?.reason ?? one.unasked?.(features, testbed)
}

/** Runs one case; throws what is wrong. Also the way to run the suite without a test runner. */
export async function runCase(one: Case, driver: Driver, testbed: Testbed, patienceMs?: number): Promise<void> {
  const available = await testbed.available()
  if (available !== true) throw new Error(available)
  const lab = new Lab(driver, testbed, `case-${one.number}`, patienceMs)
  try {
    await one.run(lab)
  } finally {
    await lab[Symbol.asyncDispose]()
  }
}

function timeoutOf({ timeoutMs = 180_000 }: Case, testbed: Testbed): number {
  return typeof timeoutMs === 'number' ? timeoutMs : timeoutMs(testbed)
}
