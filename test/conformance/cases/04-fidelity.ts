import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { Headers } from '../../../src/core/headers.ts'
import type { Message } from '../../../src/core/message.ts'
import type { Case } from '../case.ts'
import type { Lab } from '../lab.ts'

// Room for key, headers, properties and framing beside a body that is as large as can be.
const ROOM = 4_096

export const fidelity: Case = {
  number: 4,
  title: 'bytes come back exactly: empty, binary, maxBytes; headers, key, id too',
  async run(lab) {
    const { features } = lab
    const address = await lab.address()
    const sink = await lab.sink(address.sink)
    const receiver = await lab.receiver(address)
    const sent = [
      lab.message({ bytes: Buffer.alloc(0) }),
      lab.message({ bytes: Buffer.from(Array.from({ length: 256 }, (_, i) => i)) }),
      lab.message({ bytes: Buffer.from('Grüße, 世界 \u0000 ✓') }),
      lab.message({ bytes: randomBytes(features.maxBytes - ROOM) }),
      lab.message({ properties: { contentType: 'application/json' } }),
    ]
    if (features.tombstones) sent.push(lab.message({ bytes: null, key: 'gone' }))
    if (features.keys) sent.push(lab.message({ key: 'käse 7' }), lab.message({ key: '' }))
    if (features.keys) sent.push(lab.message({ key: Buffer.from([0xff, 0x00, 0xfe]) }))
    if (features.headers) sent.push(lab.message({ headers: HEADERS }))
    for (const message of sent) await lab.publish(sink, [message])
    const found = new Map((await receiver.take(sent.length)).map(({ message }) => [message.id, message]))
    for (const message of sent) compare(lab, message, found.get(message.id))
  },
}

const HEADERS = Headers.of({ plain: 'text', unicode: 'ü✓', number: 42, yes: true, bytes: Buffer.from([0, 255, 128]) })

function compare(lab: Lab, sent: Message, got: Message | undefined): void {
  assert(got, `message ${sent.id} comes back under its id`)
  if (sent.bytes === null) assert.equal(got.bytes, null, 'a tombstone stays a tombstone')
  else assert(got.bytes?.equals(sent.bytes), `the ${sent.size} bytes of ${sent.id} come back exactly`)
  if (lab.features.keys) assert.deepEqual(bytesOf(got.key), bytesOf(sent.key), `the key of ${sent.id}`)
  assert.equal(got.properties.contentType, sent.properties.contentType, `the content type of ${sent.id}`)
  for (const [name, value] of sent.headers) {
    const back = got.headers.get(name)
    if (Buffer.isBuffer(value)) assert.deepEqual(bytesOf(back as Buffer), value, `header ${name}`)
    else assert.equal(got.headers.text(name), String(value), `header ${name}`)
  }
}

const bytesOf = (key: Buffer | string | null): Buffer | null => (key === null ? null : Buffer.from(key))
