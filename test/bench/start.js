// `npm run bench`: plain JavaScript for Node 20, because nothing may be installed yet.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { ensureInstalled, node24 } from '../install.js'

try {
  ensureInstalled()
  const main = join(import.meta.dirname, 'main.ts')
  const child = spawn(node24(), [main, ...process.argv.slice(2)], { stdio: 'inherit' })
  child.on('exit', (code, signal) => {
    process.exitCode = signal === null ? (code ?? 1) : 1
  })
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`)
  process.exitCode = 3
}
