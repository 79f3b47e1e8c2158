import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, SluiceError } from '../core/errors.ts'
import type { ConfigSource } from './config-source.ts'
import { FolderSource } from './folder-source.ts'
import { MAX_BYTES, Source } from './source.ts'

/** Most files of a folder. */
const MOST_FILES = 1_000
const FILE = /^[^.].*\.ya?ml$/

/**
 * Reads a configuration: a file, or every .yaml and .yml file of a folder, in the order of their names. Throws CONFIG_MISSING
 * when it cannot be read, CONFIG_INVALID when it is not text.
 */
export function readConfig(path: string): ConfigSource {
  if (!isFolder(path)) return readSource(path)
  const names = readdirSync(path).filter(name => FILE.test(name))
  const hint = 'Put .yaml files into it, or name a file.'
  if (names.length === 0) throw new SluiceError('CONFIG_MISSING', `the folder ${path} has no .yaml file`, { hint })
  if (names.length > MOST_FILES)
    throw new SluiceError('CONFIG_INVALID', `the folder ${path} has more than ${MOST_FILES} .yaml files`, { hint: '' })
  return new FolderSource(
    path,
    names.toSorted().map(name => readSource(join(path, name))),
  )
}

/** It is there, and it is a folder. */
export function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
}

/** Reads a configuration file. Throws CONFIG_MISSING when it cannot be read, CONFIG_INVALID when it is not text. */
export function readSource(file: string): Source {
  let bytes: Buffer
  try {
    const { size } = statSync(file)
    // A device or a video named by mistake is not read into memory; Source says that it is too large.
    bytes = size > MAX_BYTES ? Buffer.alloc(MAX_BYTES + 1, ' ') : readFileSync(file)
  } catch (error) {
    throw new SluiceError('CONFIG_MISSING', `the configuration ${file} cannot be read: ${reason(error)}`, {
      cause: error,
    })
  }
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (error) {
    throw new SluiceError('CONFIG_INVALID', `the configuration ${file} is not UTF-8 text`, {
      cause: error,
      hint: 'Save it as UTF-8.',
    })
  }
  return new Source(file, text)
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EISDIR: 'it is a directory',
  ENOTDIR: 'a part of its path is not a directory',
  EACCES: 'no permission',
}

/** Why a file cannot be read, without the jargon of the system call. */
export function reason(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return REASONS[code] ?? describe(error)
}
