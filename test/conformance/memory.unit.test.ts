import { describe, it } from 'vitest'
import { createMemoryDriver } from '../../src/drivers/memory/driver.ts'
import { memoryTestbed } from '../../src/drivers/memory/testbed.ts'
import { conformance } from './index.ts'

for (const mode of ['queue', 'log'] as const) {
  const driver = createMemoryDriver({ mode })
  conformance({ driver, testbed: memoryTestbed(driver), runner: { describe, it } })
}
