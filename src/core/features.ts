import type { Driver, Features } from './ports.ts'

/** What holds for an endpoint with these options: those of its driver, where the driver does not tell them apart. */
export function featuresOf(driver: Driver, part: 'source' | 'sink', options: unknown): Features {
  return driver.featuresOf?.(part, options) ?? driver.features
}
