import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SluiceError } from '../../core/errors.ts'
import type { Log } from '../../core/ports.ts'
import { aborting } from '../../core/waiting.ts'
import type { Address, Tls } from './address.ts'
import { translate } from './errors.ts'
import {
  loadNative,
  type NativeClient,
  type NativeClientConfig,
  type NativeMessageIds,
  type NativeModule,
} from './native-client.ts'
import { NativeConsumerLink } from './native-consumer.ts'
import { NativeProducerLink } from './native-producer.ts'
import { NativeReaderLink } from './native-reader.ts'
import { printTopic } from './topic-name.ts'
import type {
  ConsumerLink,
  ConsumerListener,
  ConsumerSettings,
  LinkListener,
  ProducerLink,
  ProducerSettings,
  ReaderLink,
  ReaderSettings,
  Transport,
} from './transport.ts'

/** `maxMessageSize` of the broker where nobody changed it, less room for what it adds. */
const MESSAGE_BYTES = 5 * 1024 * 1024 - 10 * 1024
const WARN = 2

/** Pulsar's own protocol by the npm package `pulsar-client`, a wrapper of the C++ client. It reconnects by itself. */
export class NativeTransport implements Transport {
  readonly lacks = {}
  readonly maxMessageBytes = MESSAGE_BYTES
  readonly #address: Address
  readonly #client: NativeClient
  readonly #ids: NativeMessageIds
  readonly #files: PemFiles

  private constructor(address: Address, client: NativeClient, ids: NativeMessageIds, files: PemFiles) {
    this.#address = address
    this.#client = client
    this.#ids = ids
    this.#files = files
  }

  /** Throws NOT_SUPPORTED where the package is not there, OPTIONS_INVALID for what it cannot do. */
  static async load(address: Address, log: Log): Promise<NativeTransport> {
    return NativeTransport.with(await loadNative(), address, log)
  }

  static with(native: NativeModule, address: Address, log: Log): NativeTransport {
    // It writes to the standard output otherwise. One handler for the process: the last connection's log gets it all.
    native.Client.setLogHandler((level, _file, _line, message) => {
      if (level >= WARN) log.debug({ client: 'pulsar-client' }, message)
    })
    const files = new PemFiles()
    try {
      return new NativeTransport(
        address,
        new native.Client(clientConfig(native, address, files)),
        native.MessageId,
        files,
      )
    } catch (error) {
      files.remove()
      throw translate(error, 'the native client of Pulsar', 'OPTIONS_INVALID')
    }
  }

  /** Asks for a topic's partitions, which wants a connection and a login, and makes no topic. */
  async check(signal: AbortSignal): Promise<void> {
    const topic = printTopic({ domain: 'persistent', ...this.#address.home, local: 'sluice-check' })
    try {
      await aborting(this.#client.getPartitionsForTopic(topic), signal)
    } catch (error) {
      const what = `connecting to ${this.#address.hosts.join(', ')}`
      const known = translate(error, what, 'CONNECT_FAILED')
      if (LET_IN.has(known.code)) return
      if (known.code !== 'TIMED_OUT') throw known
      throw new SluiceError('TIMED_OUT', known.message, {
        cause: error,
        hint: 'Is the broker up? To the native client a token that is missing or refused looks like this too.',
      })
    }
  }

  subscribe(settings: ConsumerSettings, listener: ConsumerListener, signal: AbortSignal): Promise<ConsumerLink> {
    return NativeConsumerLink.open(this.#client, settings, listener, signal)
  }

  produce(settings: ProducerSettings, _listener: LinkListener, signal: AbortSignal): Promise<ProducerLink> {
    return NativeProducerLink.open(this.#client, settings, signal)
  }

  read(settings: ReaderSettings, listener: ConsumerListener, signal: AbortSignal): Promise<ReaderLink> {
    return NativeReaderLink.open(this.#client, this.#ids, settings, listener, signal)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.close().catch(() => {})
    this.#files.remove()
  }
}

const LET_IN: ReadonlySet<string> = new Set(['ACCESS_DENIED', 'ADDRESS_MISSING'])

function clientConfig(native: NativeModule, address: Address, files: PemFiles): NativeClientConfig {
  const { scheme, hosts, token, connectTimeoutMs } = address
  const tls = scheme === 'pulsar+ssl' ? address.nativeTls() : undefined
  const pair = tls && files.pair(tls)
  const authentication =
    token !== undefined
      ? new native.AuthenticationToken({ token })
      : pair === undefined
        ? undefined
        : new native.AuthenticationTls({ certificatePath: pair.cert, privateKeyPath: pair.key })
  return {
    serviceUrl: `${scheme}://${hosts.join(',')}`,
    connectionTimeoutMs: connectTimeoutMs,
    operationTimeoutSeconds: Math.max(1, Math.ceil(connectTimeoutMs / 1_000)),
    ...(authentication === undefined ? {} : { authentication }),
    ...(tls && tlsConfig(tls, pair, files)),
  }
}

function tlsConfig(tls: Tls, pair: Pair | undefined, files: PemFiles): Partial<NativeClientConfig> {
  for (const option of ['passphrase', 'servername'] as const)
    if (tls[option] !== undefined)
      throw new SluiceError('OPTIONS_INVALID', `tls.${option}: the native client has no such thing; use wss://`)
  return {
    tlsAllowInsecureConnection: !tls.rejectUnauthorized,
    tlsValidateHostname: tls.rejectUnauthorized,
    ...(tls.ca === undefined ? {} : { tlsTrustCertsFilePath: files.write('ca.pem', String(tls.ca)) }),
    ...(pair === undefined ? {} : { tlsCertificateFilePath: pair.cert, tlsPrivateKeyFilePath: pair.key }),
  }
}

interface Pair {
  readonly cert: string
  readonly key: string
}

/** Certificates as files, which is how the client wants them; readable by nobody else, and deleted in the end. */
class PemFiles {
  #dir: string | undefined

  write(name: string, text: string): string {
    this.#dir ??= mkdtempSync(join(tmpdir(), 'sluice-pulsar-'))
    const path = join(this.#dir, name)
    writeFileSync(path, text, { mode: 0o600 })
    return path
  }

  pair({ cert, key }: Tls): Pair | undefined {
    if (cert === undefined || key === undefined) return undefined
    return { cert: this.write('cert.pem', String(cert)), key: this.write('key.pem', String(key)) }
  }

  remove(): void {
    if (this.#dir !== undefined) rmSync(this.#dir, { recursive: true, force: true })
    this.#dir = undefined
  }
}
