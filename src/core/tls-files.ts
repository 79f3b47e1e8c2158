import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { createSecureContext, type SecureContext } from 'node:tls'
import { SluiceError } from './errors.ts'

/** TLS material as connections name it: PEM text, or the path of a PEM file. */
export interface PemOptions {
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
}

/** PEM texts. */
export type Pems = Partial<Record<keyof PemOptions, string>>

const NAMES = ['ca', 'cert', 'key'] as const

/** Reads the files, paths counted from `baseDir`. Throws OPTIONS_INVALID. */
export function readPems(options: PemOptions, baseDir: string): Pems {
  const pems: Pems = {}
  for (const name of NAMES) {
    const value = options[name]
    if (value !== undefined) pems[name] = value.includes('-----BEGIN') ? value : readPem(name, value, baseDir)
  }
  return pems
}

export interface TlsOptions extends PemOptions {
  readonly passphrase?: string
  readonly servername?: string
  /** Default: true. */
  readonly rejectUnauthorized?: boolean
}

/** What `tls.connect` takes. Handed on as it is: a copy would not read the files again. */
export interface TlsSettings {
  readonly secureContext: SecureContext
  readonly servername?: string
  readonly rejectUnauthorized: boolean
}

/**
 * For `tls.connect`, which asks for `secureContext` at each connection: the files are read again each time, so a certificate
 * that was renewed is used from the next connection on. In the middle of a renewal, when a file is gone or key and
 * certificate do not belong together, what was used last still counts. The first reading throws OPTIONS_INVALID, and the
 * first connection what OpenSSL says of the texts.
 */
export function tlsSettings(
  { passphrase, servername, rejectUnauthorized = true, ...files }: TlsOptions,
  baseDir: string,
): TlsSettings {
  readPems(files, baseDir)
  let last: { readonly pems: string; readonly context: SecureContext } | undefined
  return {
    get secureContext() {
      try {
        const pems = readPems(files, baseDir)
        const text = JSON.stringify(pems)
        if (last?.pems !== text)
          last = { pems: text, context: createSecureContext({ ...pems, ...(passphrase && { passphrase }) }) }
      } catch (error) {
        if (last === undefined) throw error
      }
      return last!.context
    },
    ...(servername !== undefined && { servername }),
    rejectUnauthorized,
  }
}

function readPem(name: string, file: string, baseDir: string): string {
  try {
    return readFileSync(resolve(baseDir, file), 'utf8')
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'unknown'
    throw new SluiceError('OPTIONS_INVALID', `tls.${name}: the file ${file} cannot be read (${code})`, { cause })
  }
}
