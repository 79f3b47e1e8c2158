import { readFileSync } from 'node:fs'
import { findPackageJSON } from 'node:module'

/** Version of this package. */
export function version(): string {
  // Not a path: in a published package this file lies one folder deeper.
  const manifest = readFileSync(findPackageJSON(import.meta.url)!, 'utf8')
  return (JSON.parse(manifest) as { version: string }).version
}
