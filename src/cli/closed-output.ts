import { EXIT } from './exit.ts'

const isClosed = (error: unknown): boolean => (error as NodeJS.ErrnoException | null | undefined)?.code === 'EPIPE'

/**
 * Nobody reads any more (`sluice schema | head -1`): where results go, that ends the process at once and without a word, as
 * SIGPIPE ends others; 141 and not 0, because what a cut command would have found is not known. Where only the log and notes
 * go, it ends nothing: a gateway carries on without its reader. Any other error of a stream is left to `uncaughtException`.
 */
export function watchOutputs(): void {
  process.stdout.on('error', error => {
    if (!isClosed(error)) throw error
    process.exit(EXIT.cut)
  })
  process.stderr.on('error', error => {
    if (!isClosed(error)) throw error
  })
}

/** Waits for what is still on its way into pipes; resolves with the exit code, which is another one where results were cut. */
export async function flushOutputs(code: number): Promise<number> {
  const [cut] = await Promise.all([process.stdout, process.stderr].map(flushed))
  return isClosed(cut) ? EXIT.cut : code
}

function flushed(stream: NodeJS.WriteStream): Promise<Error | null | undefined> {
  return new Promise(resolve => stream.write('', resolve))
}
