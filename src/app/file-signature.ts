import { lstatSync, readdirSync, readlinkSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'

/** Longest chain of symbolic links that is followed. */
const MOST_LINKS = 16

/** Changes whenever what is behind a path may have: the content of a file, the names in a folder, where a link leads. */
export function signatureOf(path: string): string {
  try {
    const stat = statSync(path, { bigint: true })
    if (stat.isDirectory()) return readdirSync(path).toSorted().join('\0')
    return [stat.dev, stat.ino, stat.size, stat.mtimeNs].join(' ')
  } catch (error) {
    return `absent ${(error as NodeJS.ErrnoException).code}`
  }
}

/**
 * The folders in which something has to happen for what is behind the path to change: its own, and those of every link on the
 * way. (Kubernetes changes a mounted ConfigMap by renaming a link, `..data`, beside the file.)
 */
export function foldersOf(path: string): readonly string[] {
  const folders = new Set<string>()
  for (let at = path, links = 0; links < MOST_LINKS; links++) {
    folders.add(dirname(at))
    const kind = lstatSync(at, { throwIfNoEntry: false })
    if (kind?.isDirectory() === true) folders.add(at)
    if (kind?.isSymbolicLink() !== true) break
    at = resolve(dirname(at), readlinkSync(at))
  }
  return [...folders]
}
