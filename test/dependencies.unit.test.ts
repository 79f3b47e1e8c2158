import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

interface Package {
  readonly version: string
  readonly license?: string
  readonly deprecated?: string
  readonly resolved?: string
  readonly dev?: boolean
}

const lock = JSON.parse(readFileSync(new URL('../package-lock.json', import.meta.url), 'utf8')) as {
  readonly packages: Readonly<Record<string, Package>>
}
const packages = Object.entries(lock.packages).filter(([path]) => path !== '')

const PERMISSIVE = [
  'MIT',
  'Apache-2.0',
  'MIT OR Apache-2.0',
  'ISC',
  'BSD-2-Clause',
  'BSD-3-Clause',
  '0BSD',
  'BlueOak-1.0.0',
  'Unlicense',
]
// Part of vitest's build tool, and of nothing that is shipped.
const FOR_TESTS_ONLY = /\/lightningcss(-[a-z0-9-]+)?$/

// npm is asked for errors only (.npmrc), so it would not say this.
test('no dependency is deprecated', () => {
  expect(packages.length).toBeGreaterThan(50)
  expect(packages.filter(([, { deprecated }]) => deprecated !== undefined).map(([path]) => path)).toEqual([])
})

test('the licences of all dependencies are permissive', () => {
  const others = packages.filter(([, { license }]) => !PERMISSIVE.includes(license ?? ''))
  expect(others.filter(([path, { dev }]) => !(dev === true && FOR_TESTS_ONLY.test(path)))).toEqual([])
})

test('the lockfile names no registry', () => {
  expect(packages.filter(([, { resolved }]) => resolved !== undefined).map(([path]) => path)).toEqual([])
})
