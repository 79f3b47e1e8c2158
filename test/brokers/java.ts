import { existsSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { must, run } from './commands.ts'
import { home } from './home.ts'
import { KitError } from './kit-error.ts'

/** Downloads what a pom.xml lists into a folder, in one step: the folder is there and whole, or not there. */
export async function downloadJars(title: string, pom: string, folder: string): Promise<void> {
  if (existsSync(folder)) return
  const work = `${folder}.new`
  rmSync(work, { recursive: true, force: true })
  await must(`${title}'s jars could not be downloaded`, 'mvn', [
    ...['--batch-mode', '--quiet', '--file', pom, `-Dmaven.repo.local=${join(home, 'maven')}`],
    ...['dependency:copy-dependencies', '-DincludeScope=runtime', `-DoutputDirectory=${work}`],
  ])
  renameSync(work, folder)
}

export async function requireJava17(title: string): Promise<void> {
  const { output } = await run('java', ['-version'])
  const major = Number(/version "(\d+)/.exec(output)?.[1])
  if (!(major >= 17))
    throw new KitError(`${title} needs Java 17 or later, and this machine's is ${output.split('\n')[0]}.`)
}
