import { connect } from 'node:net'

// Request and field numbers: Kafka protocol guide, "Messages". All of these versions are not "flexible" ones.
const findCoordinator = { key: 10, version: 1 }
const describeGroups = { key: 15, version: 1 }

/**
 * Does the broker serve groups and transactions? Asks for both coordinators, which makes their internal topics, and
 * then has the group coordinator describe a group, which it refuses while it is still loading.
 */
export async function coordinates(port: number): Promise<boolean> {
  const group = string('sluice-kit')
  for (const keyType of [1, 0]) {
    const answer = await ask(port, findCoordinator, Buffer.concat([group, Buffer.from([keyType])]))
    if (answer.readInt16BE(4) !== 0) return false
  }
  const described = await ask(port, describeGroups, Buffer.concat([Buffer.from([0, 0, 0, 1]), group]))
  return described.readInt16BE(8) === 0
}

function string(text: string): Buffer {
  const length = Buffer.alloc(2)
  length.writeInt16BE(Buffer.byteLength(text))
  return Buffer.concat([length, Buffer.from(text)])
}

/** One request on a connection of its own; resolves to the answer's body, behind the correlation id. */
async function ask(port: number, api: { key: number; version: number }, body: Buffer): Promise<Buffer> {
  const header = Buffer.alloc(12)
  header.writeInt32BE(header.length - 4 + 2 + 'sluice-kit'.length + body.length, 0)
  header.writeInt16BE(api.key, 4)
  header.writeInt16BE(api.version, 6)
  const socket = connect({ host: '127.0.0.1', port, timeout: 3000 })
  try {
    return await new Promise((resolve, reject) => {
      let received = Buffer.alloc(0)
      socket.once('connect', () => socket.write(Buffer.concat([header, string('sluice-kit'), body])))
      socket.on('data', data => {
        received = Buffer.concat([received, data])
        if (received.length >= 4 && received.length >= 4 + received.readInt32BE(0)) resolve(received.subarray(8))
      })
      for (const event of ['error', 'close', 'timeout'])
        socket.once(event, () => reject(new Error(`no answer: ${event}`)))
    })
  } finally {
    socket.destroy()
  }
}
