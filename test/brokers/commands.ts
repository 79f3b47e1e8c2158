import { execFile } from 'node:child_process'
import { KitError } from './kit-error.ts'

export interface Result {
  readonly code: number
  readonly output: string
}

/** Runs a command to its end. Never rejects: a command that is not there gives code 127. */
export function run(
  command: string,
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv; timeoutMs?: number } = {},
): Promise<Result> {
  const settings = {
    cwd: options.cwd,
    env: options.env ?? process.env,
    timeout: options.timeoutMs ?? 600_000,
    maxBuffer: 64 << 20,
  }
  return new Promise(resolve => {
    execFile(command, [...args], settings, (error, stdout, stderr) => {
      const code = error ? (typeof error.code === 'number' ? error.code : 127) : 0
      resolve({ code, output: `${stdout}${stderr}` })
    })
  })
}

/** Like run(), but a failure becomes a KitError of `what` and the last lines of the output. */
export async function must(
  what: string,
  command: string,
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<string> {
  const result = await run(command, args, options)
  if (result.code === 0) return result.output
  throw new KitError(`${what} (${command} ended with ${result.code}):\n${lastLines(result.output)}`)
}

export function lastLines(text: string, count = 15): string {
  return text.trimEnd().split('\n').slice(-count).join('\n')
}
