import { spawn } from 'node:child_process'
import { watch } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** What is saved together is run together: events within this time, in ms. */
const GATHER = 150
const IGNORED = /(^|[/\\])(node_modules|\.git|\.sluice)([/\\]|$)/

/**
 * Runs `sluice` with these arguments, and again after each change below the folders, until the signal aborts. A process of its
 * own each time: changed plug-ins are loaded anew.
 */
export async function watchTests(
  args: readonly string[],
  folders: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  let changed = Promise.withResolvers<void>()
  const watchers = [...new Set(folders)].map(folder =>
    watch(folder, { recursive: true, signal }, (_event, name) => {
      if (name === null || !IGNORED.test(name)) changed.resolve()
    }),
  )
  // A folder that vanishes ends its watcher, not the watching.
  for (const watcher of watchers) watcher.on('error', () => {})
  const ended = new Promise<void>(resolve => signal.addEventListener('abort', () => resolve()))
  while (!signal.aborted) {
    changed = Promise.withResolvers()
    await run(args, signal)
    if (signal.aborted) return
    process.stderr.write('\nwaiting for a file to change; Ctrl-C ends it\n')
    await Promise.race([changed.promise, ended])
    await new Promise(resolve => setTimeout(resolve, GATHER))
  }
}

function run(args: readonly string[], signal: AbortSignal): Promise<void> {
  const launcher = fileURLToPath(new URL('./sluice.js', import.meta.url))
  return new Promise(resolve => {
    const child = spawn(process.execPath, [launcher, ...args], { stdio: 'inherit' })
    const stop = () => void child.kill('SIGTERM')
    signal.addEventListener('abort', stop)
    child.on('error', () => resolve())
    child.on('exit', () => {
      signal.removeEventListener('abort', stop)
      resolve()
    })
  })
}
