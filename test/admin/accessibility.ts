import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright-core'

const SCRIPT = readFileSync(join(import.meta.dirname, 'obstacles.js'), 'utf8')

/** What keeps people from using the page as it is now: controls without a name, texts too faint, things out of sight. */
export function obstacles(page: Page): Promise<string[]> {
  return page.evaluate<string[]>(SCRIPT)
}
