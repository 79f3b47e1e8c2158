import type { Features } from '../../src/core/ports.ts'
import type { Testbed } from '../../src/core/testbed.ts'
import type { Lab } from './lab.ts'

/** What a case may ask of a testbed before it runs. */
export type TestbedFacts = Pick<Testbed, 'restart' | 'ackDeadlineMs'>

export interface Case {
  readonly number: number
  readonly title: string
  /** Why it cannot be asked of this driver: what its features or its testbed do not promise. undefined = it can. */
  readonly unasked?: (features: Features, testbed: TestbedFacts) => string | undefined
  /** Longest time it may take. Default 60 s. */
  readonly timeoutMs?: number | ((testbed: TestbedFacts) => number)
  /** Throws what is wrong. Everything it opens through the lab is closed and dropped afterwards. */
  run(lab: Lab): Promise<void>
}
