import { cpSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** What a .dockerignore of the form `*`, then `!path` lines, lets into the context, copied to `target`. */
export function copyContext(ignore: string, root: string, target: string): void {
  const lines = readFileSync(ignore, 'utf8')
    .split('\n')
    .filter(line => line !== '' && !line.startsWith('#'))
  if (lines.shift() !== '*' || lines.some(line => !line.startsWith('!')))
    throw new Error(`${ignore} must say what is let in: \`*\` first, then lines with \`!\`.`)
  for (const line of lines) cpSync(join(root, line.slice(1)), join(target, line.slice(1)), { recursive: true })
}
