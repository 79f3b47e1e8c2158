// npm run demo: installs what is missing and runs the demo on Node 24.
// Plain JavaScript for Node 20 and without dependencies: on a fresh clone this is the first thing that runs.
import { spawn } from 'node:child_process'
import { delimiter, dirname, join } from 'node:path'
import { ensureInstalled, node24, root } from '../install.js'

process.exitCode = await main(process.argv.slice(2))

async function main(args) {
  let node
  try {
    ensureInstalled()
    node = node24()
  } catch (error) {
    console.error(error.message)
    return 3
  }
  const child = spawn(node, ['--disable-warning=TimeoutNegativeWarning', join(root, 'test/demo/main.ts'), ...args], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, PATH: [dirname(node), process.env.PATH].join(delimiter) },
  })
  // The terminal sends Ctrl-C to the demo as well, which then cleans up: wait for it instead of leaving it alone.
  process.on('SIGINT', () => {})
  process.on('SIGTERM', () => child.kill('SIGTERM'))
  return new Promise(resolve => {
    child.once('error', error => {
      console.error(`The demo could not be started: ${error.message}`)
      resolve(1)
    })
    child.once('close', (code, signal) => {
      if (signal) console.error(`The demo was ended by ${signal}.`)
      resolve(code ?? 1)
    })
  })
}
