import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Browser, chromium } from 'playwright-core'
import { inside, unpackDebian } from '../brokers/debian-root.ts'
import { home } from '../brokers/home.ts'
import { KitError } from '../brokers/kit-error.ts'
import { lock } from '../brokers/lock.ts'

const ROOT = join(home, 'chromium-trixie')
const PACKAGES = 'chromium-headless-shell bash coreutils fontconfig fonts-dejavu-core'.split(' ')
const STARTS_WITHIN = 60_000

/** A headless Chromium of Debian's, downloaded once beside the brokers, run from a directory of its own. */
export async function startBrowser(): Promise<{ readonly browser: Browser } & AsyncDisposable> {
  {
    await using _ = await lock(join(home, 'locks', 'install-chromium'))
    await unpackDebian('trixie', PACKAGES, ROOT, 'The tests of the page need it.')
  }
  mkdirSync(join(home, 'data'), { recursive: true })
  const dir = mkdtempSync(join(home, 'data', 'chromium-'))
  const flags = [
    '--headless',
    // It runs in a namespace of its own already, as root there, where its own sandbox cannot be made.
    '--no-sandbox',
    '--disable-gpu',
    '--disable-dev-shm-usage',
    '--remote-debugging-port=0',
    `--user-data-dir=${dir}/profile`,
    'about:blank',
  ]
  const script = join(dir, 'chromium.sh')
  writeFileSync(script, `export HOME=${dir}\nexec /usr/lib/chromium/chromium-headless-shell ${flags.join(' ')}\n`)
  const [command, args] = inside(ROOT, script)
  const process = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  const ended = new Promise<void>(resolve => process.once('close', () => resolve()))
  const stop = async () => {
    process.kill('SIGKILL')
    await ended
    rmSync(dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
  }
  try {
    const browser = await chromium.connectOverCDP(await addressOf(process.stderr, ended))
    return {
      browser,
      async [Symbol.asyncDispose]() {
        await browser.close()
        await stop()
      },
    }
  } catch (error) {
    await stop()
    throw error
  }
}

// It says on standard error where it listens.
function addressOf(stderr: NodeJS.ReadableStream, ended: Promise<void>): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  let said = ''
  const fail = (why: string) => reject(new KitError(`Chromium ${why}: ${said.slice(-2_000)}`))
  const timer = setTimeout(fail, STARTS_WITHIN, `did not start within ${STARTS_WITHIN / 1000} s`)
  stderr.setEncoding('utf8').on('data', (chunk: string) => {
    said += chunk
    const url = /DevTools listening on (ws:\S+)/.exec(said)?.[1]
    if (url === undefined) return
    clearTimeout(timer)
    resolve(url)
  })
  void ended.then(() => {
    clearTimeout(timer)
    fail('ended')
  })
  return promise
}
