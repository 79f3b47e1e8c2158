import type { Command } from 'commander'
import { version } from '../app/version.ts'
import { EXIT } from './exit.ts'
import type { Terminal } from './terminal.ts'

export function addVersion(program: Command, terminal: Terminal, done: (code: number) => void): void {
  program
    .command('version')
    .description('print the version of Sluice and of Node.js')
    .action(() => {
      terminal.print(`sluice ${version()} (Node.js ${process.version.slice(1)}, ${process.platform} ${process.arch})`)
      done(EXIT.ok)
    })
}
