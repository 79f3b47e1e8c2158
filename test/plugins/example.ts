import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Plugin } from '../../src/core/ports.ts'

const root = join(import.meta.dirname, '../..')

/**
 * An example of docs/plugins.md, taken out of it and imported. It lies inside the project meanwhile, because
 * `import … from 'sluice'` is the project itself there.
 */
export async function example(name: string): Promise<Plugin> {
  const text = readFileSync(join(root, 'docs/plugins.md'), 'utf8')
  const code = new RegExp(`<!-- file: ${name.replaceAll('.', '\\.')} -->\\n\`\`\`ts\\n([^]*?)\\n\`\`\``).exec(text)?.[1]
  if (code === undefined) throw new Error(`docs/plugins.md has no example ${name}`)
  mkdirSync(join(root, '.sluice'), { recursive: true })
  const folder = mkdtempSync(join(root, '.sluice/docs-'))
  try {
    const file = join(folder, name)
    writeFileSync(file, code)
    return ((await import(pathToFileURL(file).href)) as { default: Plugin }).default
  } finally {
    rmSync(folder, { recursive: true })
  }
}
