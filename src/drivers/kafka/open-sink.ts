import { SluiceError } from '../../core/errors.ts'
import type { EndpointContext, Sink } from '../../core/ports.ts'
import { bytes, milliseconds } from '../../core/schema.ts'
import type { Address } from './address.ts'
import { adminClient } from './client.ts'
import { Directory } from './directory.ts'
import { probe } from './probe.ts'
import { Recall } from './recall.ts'
import { KafkaSink } from './sink.ts'
import { checkSink } from './sink-check.ts'
import type { SinkOptions } from './sink-options.ts'
import { type Addressing, Targets } from './target.ts'
import { KafkaTransactions } from './transactions.ts'
import { Transmitter } from './transmitter.ts'

/** Opens a sink. Throws what is wrong with brokers, login, options, or a topic that is the same for every message. */
export async function openSink(
  address: Address,
  options: SinkOptions,
  context: EndpointContext,
  signal: AbortSignal,
): Promise<Sink> {
  const problem = checkSink(options)[0]
  if (problem !== undefined) throw new SluiceError('OPTIONS_INVALID', problem.message)
  return openPublisher(address, new Targets(options), options, context, signal)
}

/** Opens what publishes each message where `targets` say. */
export async function openPublisher(
  address: Address,
  targets: Addressing,
  options: SinkOptions,
  context: EndpointContext,
  signal: AbortSignal,
): Promise<Sink> {
  const transactions = KafkaTransactions.of(context)
  await probe(address, signal)
  const admin = adminClient(address)
  try {
    const directory = new Directory(admin, options)
    if (targets.fixedTopic !== undefined) await directory.find(targets.fixedTopic, signal)
    await transactions?.identity(signal)
    const compression = options.compression ?? 'none'
    const maxBatchBytes = bytes(options.maxRequestBytes ?? '1MiB')
    const timeout = milliseconds(options.timeout ?? '30s')
    const batches = { compression, maxBatchBytes, timeout, transactional: transactions !== undefined }
    const transmitter = new Transmitter(admin, directory, batches, context, transactions)
    const recall = targets.fixedTopic === undefined ? undefined : new Recall(address, targets.fixedTopic)
    return new KafkaSink(admin, targets, directory, transmitter, compression, recall, transactions)
  } catch (error) {
    await admin.close().catch(() => {})
    signal.throwIfAborted()
    throw error
  }
}
