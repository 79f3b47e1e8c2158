import { spawn } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { KitError } from './kit-error.ts'

/**
 * Waits for the lock on `path` and holds it until disposed, across processes. flock(1) holds it in the kernel and lives as
 * long as our pipe to it: when this process dies, however it dies, the pipe closes and the lock is free. So there is no
 * stale lock to detect.
 */
export async function lock(path: string, signal?: AbortSignal): Promise<AsyncDisposable> {
  signal?.throwIfAborted()
  mkdirSync(dirname(path), { recursive: true })
  const holder = spawn('flock', ['--exclusive', '--no-fork', path, 'sh', '-c', 'echo held; exec cat'], {
    stdio: ['pipe', 'pipe', 'ignore'],
    detached: true, // a Ctrl-C in the terminal must not free the lock before we have let go of it
  })
  const ended = new Promise<void>(resolve => holder.once('close', () => resolve()))
  const held = new Promise<void>((resolve, reject) => {
    holder.stdout.once('data', () => resolve())
    holder.once('error', () => reject(new KitError('The broker kit needs flock (Debian package util-linux).')))
    holder.once('close', () => reject(signal?.reason ?? new KitError(`The lock ${path} could not be taken.`)))
  })
  const abort = () => holder.kill('SIGKILL')
  signal?.addEventListener('abort', abort, { once: true })
  try {
    await held
  } finally {
    signal?.removeEventListener('abort', abort)
  }
  return {
    async [Symbol.asyncDispose]() {
      holder.stdin.end()
      await ended
    },
  }
}
