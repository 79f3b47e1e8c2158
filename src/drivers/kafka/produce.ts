import {
  type Admin,
  type API,
  type Connection,
  createAPI,
  kGetApi,
  ProtocolError,
  produceV3,
  produceV4,
  produceV5,
  produceV6,
  produceV7,
  produceV8,
  produceV9,
  produceV10,
  produceV11,
  protocolErrorsCodesById,
  Writer,
} from '@platformatic/kafka'
import { parts } from './errors.ts'

/** Encoded batches by topic, then by partition. */
export type ProduceTopics = readonly { readonly topic: string; readonly batches: readonly PartitionBatch[] }[]

export interface PartitionBatch {
  readonly partition: number
  readonly bytes: Buffer
}

/** What the broker says about one partition's batch; no `error`: it is stored. */
export interface ProduceAnswer {
  readonly topic: string
  readonly partition: number
  readonly error: ProtocolError | undefined
  /** Index in the batch and reason of each record that made the broker refuse the batch, where it tells. */
  readonly refused: readonly { readonly index: number; readonly reason: string | null | undefined }[]
}

const PRODUCE = 0
const ALL_REPLICAS = -1
const FIRST_FLEXIBLE = 9
const VERSIONS: Readonly<Record<number, { readonly parseResponse: typeof produceV11.parseResponse }>> = {
  3: produceV3,
  4: produceV4,
  5: produceV5,
  6: produceV6,
  7: produceV7,
  8: produceV8,
  9: produceV9,
  10: produceV10,
  11: produceV11,
}

type ProduceResponse = produceV11.ProduceResponse
type ProduceApi = API<[id: string | null, timeout: number, topics: ProduceTopics], ProduceResponse>

/** The produce request in the newest version both sides know, with acks=all and batches encoded by us. */
export async function produceApi(client: Admin): Promise<ProduceApi> {
  const { version } = await negotiated<[], unknown>(client, 'Produce')
  const parse = VERSIONS[version]!.parseResponse
  const flexible = version >= FIRST_FLEXIBLE
  return createAPI(PRODUCE, version, flexible ? flexibleRequest : plainRequest, parse, flexible, flexible)
}

/** An API of the newest version both sides know. */
export function negotiated<Arguments extends unknown[], Answer>(
  client: Admin,
  name: string,
): Promise<API<Arguments, Answer>> {
  const { promise, resolve, reject } = Promise.withResolvers<API<Arguments, Answer>>()
  client[kGetApi]<Arguments, Answer>(name, (error, api) =>
    error === null && api !== undefined ? resolve(api) : reject(error),
  )
  return promise
}

/** Sends the batches to the leader of their partitions. Throws when there is no answer. */
export async function produce(
  api: ProduceApi,
  connection: Connection,
  timeout: number,
  topics: ProduceTopics,
  transactionalId: string | null = null,
): Promise<readonly ProduceAnswer[]> {
  const { promise, resolve, reject } = Promise.withResolvers<ProduceResponse>()
  api(connection, transactionalId, timeout, topics, (error, response) => {
    // With an error for any partition the whole answer arrives as an error that carries it.
    const answer = response ?? answerOf(error)
    if (answer === undefined) reject(error)
    else resolve(answer)
  })
  const { responses } = await promise
  return responses.flatMap(({ name, partitionResponses }) =>
    partitionResponses.map(({ index, errorCode, errorMessage, recordErrors }) => ({
      topic: name,
      partition: index,
      error:
        errorCode === 0
          ? undefined
          : new ProtocolError(protocolErrorsCodesById[errorCode] ?? 'UNKNOWN_SERVER_ERROR', errorMessage),
      refused: (recordErrors ?? []).map(one => ({ index: one.batchIndex, reason: one.batchIndexErrorMessage })),
    })),
  )
}

function answerOf(error: unknown): ProduceResponse | undefined {
  for (const part of parts(error)) {
    const { response } = part as { readonly response?: ProduceResponse }
    if (response !== undefined && Array.isArray(response.responses)) return response
  }
  return undefined
}

function flexibleRequest(transactionalId: string | null, timeout: number, topics: ProduceTopics): Writer {
  return Writer.create()
    .appendString(transactionalId)
    .appendInt16(ALL_REPLICAS)
    .appendInt32(timeout)
    .appendArray([...topics], (writer, { topic, batches }) => {
      writer.appendString(topic).appendArray([...batches], (inner, { partition, bytes }) => {
        inner
          .appendInt32(partition)
          .appendUnsignedVarInt(bytes.length + 1)
          .append(bytes)
      })
    })
    .appendTaggedFields()
}

function plainRequest(transactionalId: string | null, timeout: number, topics: ProduceTopics): Writer {
  return Writer.create()
    .appendString(transactionalId, false)
    .appendInt16(ALL_REPLICAS)
    .appendInt32(timeout)
    .appendArray(
      [...topics],
      (writer, { topic, batches }) => {
        writer.appendString(topic, false).appendArray(
          [...batches],
          (inner, { partition, bytes }) => {
            inner.appendInt32(partition).appendInt32(bytes.length).append(bytes)
          },
          false,
          false,
        )
      },
      false,
      false,
    )
}
