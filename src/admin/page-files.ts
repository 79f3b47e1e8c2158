import { readdirSync, readFileSync } from 'node:fs'
import { extname } from 'node:path'

export interface PageFile {
  readonly type: string
  readonly bytes: Uint8Array<ArrayBuffer>
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
}

/** The files of the page by the path they are served under; nothing else of the disk can be asked for. */
export function pageFiles(): ReadonlyMap<string, PageFile> {
  const folder = new URL('./ui/', import.meta.url)
  const files = readdirSync(folder).flatMap((name): [string, PageFile][] => {
    const type = TYPES[extname(name)]
    if (type === undefined) return []
    const path = name === 'page.html' ? '/' : `/ui/${name}`
    return [[path, { type, bytes: new Uint8Array(readFileSync(new URL(name, folder))) }]]
  })
  return new Map(files)
}
