import { dirname, join, normalize } from 'node:path/posix'
import { type Files, imports } from './code.ts'

/** One file names another one of ours. */
export interface Arrow {
  readonly from: string
  readonly to: string
}

export function arrows(files: Files): readonly Arrow[] {
  return [...files].flatMap(([from, source]) =>
    imports(source)
      .filter(name => name.startsWith('.'))
      .map(name => ({ from, to: normalize(join(dirname(from), name)) })),
  )
}

/** One path through each knot of files that need each other. */
export function cycles(all: readonly Arrow[]): readonly (readonly string[])[] {
  const targets = Map.groupBy(all, arrow => arrow.from)
  const state = new Map<string, 'open' | 'done'>()
  const path: string[] = []
  const found: string[][] = []
  const visit = (file: string) => {
    if (state.get(file) === 'done') return
    if (state.get(file) === 'open') {
      found.push([...path.slice(path.indexOf(file)), file])
      return
    }
    state.set(file, 'open')
    path.push(file)
    for (const { to } of targets.get(file) ?? []) visit(to)
    path.pop()
    state.set(file, 'done')
  }
  for (const file of targets.keys()) visit(file)
  return found
}
