// npm test: installs what is missing, runs every test on Node 24, and ends with one line of counts.
// Plain JavaScript for Node 20 and without dependencies: on a fresh clone this is the first thing that runs.
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { ensureInstalled, node24, root } from './install.js'

process.exitCode = await main(process.argv.slice(2))

async function main(args) {
  let node
  try {
    ensureInstalled()
    node = node24()
  } catch (error) {
    console.error(error.message)
    return report(undefined)
  }
  const dir = mkdtempSync(join(tmpdir(), 'sluice-test-'))
  try {
    const file = join(dir, 'results.json')
    const code = await vitest(node, args, file)
    return report(read(file), code)
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

function vitest(node, args, resultsFile) {
  const reporters = ['--reporter=default', `--reporter=${join(root, 'test/results-reporter.js')}`]
  const child = spawn(node, [join(root, 'node_modules/vitest/vitest.mjs'), 'run', ...reporters, ...args], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: {
      ...process.env,
      SLUICE_TEST_RESULTS: resultsFile,
      // Tests start the gateway and other programs by `node`: let them find this one.
      PATH: [dirname(node), join(root, 'node_modules/.bin'), process.env.PATH].join(delimiter),
    },
  })
  // The terminal sends Ctrl-C to vitest as well, which then stops the brokers: wait for it instead of leaving it alone.
  process.on('SIGINT', () => {})
  process.on('SIGTERM', () => child.kill('SIGTERM'))
  return new Promise(resolve => {
    child.once('error', error => {
      console.error(`vitest could not be started: ${error.message}`)
      resolve(1)
    })
    child.once('close', (code, signal) => {
      if (signal) console.error(`vitest was ended by ${signal}.`)
      resolve(code ?? 1)
    })
  })
}

function read(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return undefined // vitest ended before it could write its results
  }
}

/** Prints the skips with their reasons, the failures and the line of counts, and gives the exit code. */
function report(results, code = 1) {
  const { passed, failures, skipped } = results ?? { passed: 0, failures: [], skipped: [] }
  const failed = failures.length
  for (const { name, note } of skipped) console.log(`skipped: ${name}: ${note ?? 'no reason given'}`)
  if (skipped.length > 0) console.log(`${skipped.length} skipped, for the reasons above`)
  // Once more, and short: a log of which only the end was kept still says what failed.
  for (const { name, message } of failures) console.log(`failed: ${name}: ${message}`)
  if (!results) console.log('The test run did not come to its end.')
  else if (passed + failed === 0) console.log('No test ran.')
  const good = code === 0 && failed === 0 && passed > 0
  // A run that is not good never says "0 failed".
  const counted = good ? failed : Math.max(failed, 1)
  console.log(`${passed} passed, ${counted} failed`)
  return good ? 0 : code || 1
}
