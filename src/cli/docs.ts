// npm run docs: writes the generated pages.
import { mkdirSync, writeFileSync } from 'node:fs'
import { composeEverything } from '../app/compose.ts'
import { documents } from '../app/docs.ts'

const root = new URL('../../', import.meta.url)
mkdirSync(new URL('docs/', root), { recursive: true })
for (const [path, text] of documents(await composeEverything())) {
  writeFileSync(new URL(path, root), text)
  console.log(`wrote ${path}`)
}
