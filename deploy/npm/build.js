// Makes dist/, which `npm pack` puts into the package: JavaScript and declarations of src/ and of the conformance suite, and
// whatever else lies in src/. Nothing of it is needed to work on Sluice itself. Plain JavaScript: `npm pack` may be run by an
// older Node.js.
import { spawnSync } from 'node:child_process'
import { cpSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
const dist = join(root, 'dist')

rmSync(dist, { recursive: true, force: true })
const compiler = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc')
const { status } = spawnSync(process.execPath, [compiler, '-p', join(root, 'deploy/npm/tsconfig.json')], {
  stdio: 'inherit',
})
if (status !== 0) {
  console.error('error: src/ could not be compiled, so there is nothing to pack.')
  process.exit(status ?? 1)
}
cpSync(join(root, 'src'), join(dist, 'src'), { recursive: true, filter: path => !path.endsWith('.ts') })
