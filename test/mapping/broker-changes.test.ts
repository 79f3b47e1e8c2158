import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { given } from '../brokers/given.ts'
import { type Content, encodeFields, type Field, long, short, show } from './amqp-bytes.ts'
import { AmqpClient } from './amqp-client.ts'
import { EVERY_TYPE } from './nasty-contents.ts'

// What RabbitMQ does to a message all by itself, without Sluice: the table of docs/mapping.md. Should a version change this,
// the table is to be changed as well.

const KINDS = ['rabbitmq4', 'rabbitmq3'] as const
const QUEUES = ['classic', 'quorum'] as const
const none = () => false
const named = (name: string, tag = 'S', payload: Buffer = long('x')): Field => ({
  name: Buffer.from(name),
  tag,
  payload,
})
const property = (name: string, value: Buffer): Content =>
  content(
    [],
    [
      ['delivery-mode', Buffer.from([2])],
      [name, value],
    ],
  )

function content(
  fields: readonly Field[],
  properties: [string, Buffer][] = [['delivery-mode', Buffer.from([2])]],
): Content {
  return { routingKey: Buffer.from('k'), properties: new Map(properties), fields, body: Buffer.from('x') }
}

/** The messages as a queue of this type hands them out. */
async function through(kind: 'rabbitmq4' | 'rabbitmq3', type: string, sent: readonly Content[]): Promise<Content[]> {
  const name = `mapping.${randomUUID().slice(0, 13)}`
  await using rabbit = await AmqpClient.open(given(kind).url)
  await rabbit.declare(name, type)
  await rabbit.exchange(name, [name])
  try {
    await rabbit.publish(name, sent)
    const back = await rabbit.consume(name, sent.length, type === 'stream')
    return back.map(one => ({ ...one, fields: one.fields.filter(field => String(field.name) !== 'x-stream-offset') }))
  } finally {
    await rabbit.delete(name)
    await rabbit.deleteExchange(name)
  }
}

const headersOf = (contents: readonly Content[]) => contents.map(one => show(one, none).headers)
const inArray = ({ tag, payload }: Field) => named('a', 'A', long(Buffer.concat([Buffer.from(tag), payload])))
const inTable = (field: Field) => named('f', 'F', long(encodeFields([field])))
const isDecimal = ({ tag }: Field) => tag === 'D'

describe.each(KINDS)('%s', kind => {
  test.each(QUEUES)('%s queues keep every type, alone, in arrays and in tables', async type => {
    const sent = EVERY_TYPE.flatMap(field => [content([field]), content([inArray(field)]), content([inTable(field)])])
    expect(headersOf(await through(kind, type, sent))).toEqual(headersOf(sent))
  })

  test('streams keep simple types, except bytes on 4.0, and drop arrays and tables', async () => {
    const simple = EVERY_TYPE.filter(field => !isDecimal(field)).map(field => content([field]))
    const expected = simple.map(
      ({ fields: [field] }) =>
        show(content([{ ...field!, tag: kind === 'rabbitmq4' && field!.tag === 'x' ? 'S' : field!.tag }]), none)
          .headers,
    )
    expect(headersOf(await through(kind, 'stream', simple))).toEqual(expected)
    const nested = EVERY_TYPE.flatMap(field => [content([inArray(field)]), content([inTable(field)])])
    expect(headersOf(await through(kind, 'stream', nested))).toEqual(nested.map(() => []))
  })

  test('streams end the connection over a decimal', async () => {
    const decimal = EVERY_TYPE.find(isDecimal)!
    await expect(through(kind, 'stream', [content([decimal])])).rejects.toThrow('INTERNAL_ERROR')
  })

  test.each([...QUEUES, 'stream'])('%s: the order of headers', async type => {
    const sent = ['b', 'a', 'é', 'B', '1', ''].map(name => named(name))
    const [back] = headersOf(await through(kind, type, [content(sent)]))
    const sorted = sent.toSorted((a, b) => Buffer.compare(a.name, b.name))
    const kept = kind === 'rabbitmq3' && type !== 'stream'
    expect(back).toEqual(show(content(kept ? sent : sorted), none).headers)
  })

  test.each([...QUEUES, 'stream'])('%s: what is no text is kept where text is expected', async type => {
    const odd = Buffer.from([0xff, 0x41])
    const sent = ['content-type', 'correlation-id', 'message-id', 'app-id'].map(name => property(name, short(odd)))
    sent.push(content([{ ...named('n'), name: odd }]))
    expect((await through(kind, type, sent)).map(one => show(one, none))).toEqual(sent.map(one => show(one, none)))
  })

  test('streams keep times up to 2^63 milliseconds, and change later ones', async () => {
    const eight = (seconds: bigint) => {
      const bytes = Buffer.alloc(8)
      bytes.writeBigUInt64BE(seconds)
      return bytes
    }
    const last = 2n ** 63n / 1000n
    const sent = [last, last + 1n].map(one => content([named('t', 'T', eight(one))], [['timestamp', eight(one)]]))
    const [kept, changed] = await through(kind, 'stream', sent)
    expect(kept!.properties.get('timestamp')).toEqual(eight(last))
    expect(headersOf([kept!])).toEqual(headersOf([sent[0]!]))
    expect(changed!.properties.get('timestamp')).not.toEqual(eight(last + 1n))
    expect(headersOf([changed!])).not.toEqual(headersOf([sent[1]!]))
  })

  test('streams drop the cluster id', async () => {
    const [back] = await through(kind, 'stream', [property('cluster-id', short('c'))])
    expect(back!.properties.has('cluster-id')).toBe(false)
  })

  test.each([...QUEUES, 'stream'])('%s: no delivery mode stays none, but is 1 in a stream of 4.0', async type => {
    const [back] = await through(kind, type, [content([], [])])
    const said = kind === 'rabbitmq4' && type === 'stream'
    expect(back!.properties.get('delivery-mode')).toEqual(said ? Buffer.from([1]) : undefined)
  })

  test.each([...QUEUES, 'stream'])('%s: an expiration with leading zeros', async type => {
    const [back] = await through(kind, type, [property('expiration', short('007200000'))])
    expect(back!.properties.get('expiration')).toEqual(short(kind === 'rabbitmq4' ? '7200000' : '007200000'))
  })

  test.each([...QUEUES, 'stream'])('%s: a name that repeats', async type => {
    const sent = [named('a', 'S', long('1')), named('a', 'S', long('2'))]
    const [back] = headersOf(await through(kind, type, [content(sent)]))
    expect(back).toEqual(kind === 'rabbitmq4' ? ['a S "1"'] : ['a S "1"', 'a S "2"'])
  })

  test.each(['CC', 'BCC'])('a header %s that is no list costs the channel', async name => {
    await expect(through(kind, 'classic', [content([named(name)])])).rejects.toThrow('unacceptable_type_in_header')
  })

  test.each([
    ['not a number', '7ff8000000000000'],
    ['infinity', '7ff0000000000000'],
  ])('%s ends the connection', async (_, hex) => {
    const sent = content([named('n', 'd', Buffer.from(hex, 'hex'))])
    await expect(through(kind, 'classic', [sent])).rejects.toThrow('INTERNAL_ERROR')
  })

  test('CC and BCC route, and BCC is taken out', async () => {
    const list = (name: string) => named(name, 'A', long(Buffer.concat([Buffer.from('S'), long('nowhere')])))
    const [back] = headersOf(await through(kind, 'classic', [content([list('BCC'), list('CC')])]))
    expect(back).toEqual(['CC A[S "nowhere"]'])
  })
})
