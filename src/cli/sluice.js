#!/usr/bin/env node
// Plain JavaScript for any Node.js: on one that is too old for Sluice it hands over to the one in node_modules, or says so.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import module from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const NEEDED = 24

if (Number(process.versions.node.split('.')[0]) < NEEDED) handOver()
else {
  // In the folder of Sluice the source itself; in a package, where Node.js strips no types, what was compiled.
  const main = ['./main.ts', '../../dist/src/cli/main.js']
    .map(name => new URL(name, import.meta.url))
    .find(url => existsSync(url))
  if (main.href.endsWith('.ts')) keepCompiled()
  try {
    const program = await import(main.href)
    await program.main(process.argv.slice(2))
  } catch (error) {
    const missing = error.code === 'ERR_MODULE_NOT_FOUND' && /package '(.+?)'/.exec(error.message)?.[1]
    if (!missing) throw error
    fail(`the package ${missing} is not installed.`, 'Run `npm install` in the folder of Sluice.')
  }
}

// Stripping types is a third of a start. What was stripped and compiled is kept beside the packages: who may write there may
// change the program itself. Where it cannot be written, it is not kept. NODE_DISABLE_COMPILE_CACHE=1 does without.
function keepCompiled() {
  const packages = fileURLToPath(new URL('../../node_modules', import.meta.url))
  if (existsSync(packages)) module.enableCompileCache(join(packages, '.cache/sluice'))
}

function handOver() {
  const bundled = ['../../node_modules/.bin/node', '../../../.bin/node']
    .map(path => fileURLToPath(new URL(path, import.meta.url)))
    .find(path => existsSync(path))
  if (bundled === undefined || process.env.SLUICE_HANDED_OVER === '1')
    return fail(
      `Sluice needs Node.js ${NEEDED} or later, and this is ${process.version}.`,
      'Install it, or run `npm install` in the folder of Sluice, which brings one along.',
    )
  const env = { ...process.env, SLUICE_HANDED_OVER: '1' }
  const child = spawn(bundled, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: 'inherit', env })
  // The terminal sends Ctrl-C to both; the child decides when it is over.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'])
    process.on(signal, () => child.kill(signal))
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1)
    process.removeAllListeners(signal)
    process.kill(process.pid, signal)
  })
}

function fail(message, hint) {
  console.error(`error: ${message}\n  hint: ${hint}`)
  process.exitCode = 3
}
