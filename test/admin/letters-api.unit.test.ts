import { describe, expect, test } from 'vitest'
import { Headers } from '../../src/core/headers.ts'
import { route, until } from '../engine/lab.ts'
import { ApiLab, READ_TOKEN } from './api-lab.ts'

const PATH = '/api/routes/orders/dead-letters'

/** Three dead letters: two are not JSON, one was refused by the target. */
async function buried(): Promise<ApiLab> {
  const api = await ApiLab.open({
    routes: [route({ transform: [{ name: 'filter', options: '${body.n != 9}', timeout: '1s' }] })],
  })
  const refusing = api.lab.there.setFaults('out', {})
  refusing.judge = one => (one.id === 'refused' ? 'MESSAGE_REFUSED' : undefined)
  api.lab.send({ id: 'broken/1', bytes: Buffer.from('not json') })
  api.lab.send({ id: 'broken/2', bytes: Buffer.from([0xff, 0xfe]) })
  api.lab.send({
    id: 'refused',
    key: 'k1',
    headers: Headers.of({ Authorization: 'Bearer abc', region: 'eu' }),
    body: { n: 1, user: { password: 'hunter2', name: 'Ann' } },
  })
  await until('all are put aside', () => api.gateway.status[0]!.settled === 3)
  refusing.clear()
  return api
}

describe('dead letters', () => {
  test('are listed without their bodies, by reason, id, age and text', async () => {
    const api = await buried()
    const { json } = await api.get(PATH)
    expect(json.more).toBe(false)
    expect(json.letters.map((letter: { id: string }) => letter.id).toSorted()).toEqual([
      'broken/1',
      'broken/2',
      'refused',
    ])
    expect(json.letters.find((letter: { id: string }) => letter.id === 'refused')).toMatchObject({
      reason: 'MESSAGE_REFUSED',
      stage: 'publish',
      key: 'k1',
      source: { connection: 'here', address: 'in' },
    })
    const ids = async (query: string) =>
      (await api.get(`${PATH}?${query}`)).json.letters.map((letter: { id: string }) => letter.id).toSorted()
    expect(await ids('id=broken%2F1&newerThan=1h')).toEqual(['broken/1'])
    expect(await ids('reason=MESSAGE_REFUSED&search=REFUSED')).toEqual(['refused'])
    expect(await ids('olderThan=1h')).toEqual([])
    const first = (await api.get(`${PATH}?limit=1`)).json
    expect([first.letters.length, first.more]).toEqual([1, true])
    expect(api.lab.there.contents('dead')).toHaveLength(3)
  })

  test('are shown with headers and body, what has a secret name hidden', async () => {
    const api = await buried()
    const { json } = await api.get(`${PATH}/refused`, { token: READ_TOKEN })
    expect(json.headers).toEqual([
      { name: 'Authorization', value: '***' },
      { name: 'region', value: 'eu' },
    ])
    expect(json.body).toMatchObject({ json: { n: 1, user: { password: '***', name: 'Ann' } } })
    expect(JSON.stringify(json)).not.toContain('hunter2')
    expect((await api.get(`${PATH}/broken%2F1`)).json.body).toEqual({ bytes: 8, text: 'not json' })
    expect((await api.get(`${PATH}/broken%2F2`)).json.body).toEqual({ bytes: 2, base64: '//4=' })
    expect((await api.get(`${PATH}/none`)).json.detail).toBe('there is no dead letter with the id "none"')
  })

  test('are redriven when the target has confirmed them', async () => {
    const api = await buried()
    const dry = await api.post(`${PATH}/redrive`, { ids: ['refused'], dryRun: true })
    expect(dry.json).toMatchObject({ seen: 3, matched: 1, done: 0 })
    expect(api.lab.stored()).toEqual([])
    const { json } = await api.post(`${PATH}/redrive`, { ids: ['refused'] })
    expect(json).toEqual({ seen: 3, matched: 1, done: 1, failed: 0 })
    expect(api.lab.stored()).toHaveLength(1)
    const again = await api.post(`${PATH}/redrive`, { all: true })
    expect(again.json).toMatchObject({ matched: 2, done: 0, failed: 2 })
    expect((await api.get(PATH)).json.letters).toHaveLength(2)
  })

  test('are discarded for good', async () => {
    const api = await buried()
    expect((await api.post(`${PATH}/discard`, { reason: 'BODY_INVALID' })).json).toMatchObject({ matched: 2, done: 2 })
    await expect.poll(async () => (await api.get(PATH)).json.letters).toMatchObject([{ id: 'refused' }])
  })

  test('are only redriven and discarded when it is said which', async () => {
    const api = await ApiLab.open()
    for (const verb of ['redrive', 'discard'])
      for (const body of [{}, { limit: 5 }, { dryRun: true }]) {
        const { status, json } = await api.post(`${PATH}/${verb}`, body)
        expect([status, json.detail]).toEqual([400, 'nothing says which dead letters are meant'])
      }
    const { json } = await api.post(`${PATH}/redrive`, { reason: 'NONE' })
    expect(json.detail).toBe('there is no error code NONE')
    expect((await api.get(`${PATH}?reason=NONE`)).status).toBe(400)
  })

  test('are none where their queue does not exist yet', async () => {
    const api = await ApiLab.open()
    api.lab.there.delete('dead')
    expect((await api.get(PATH)).json).toEqual({ letters: [], more: false })
    expect((await api.get(`${PATH}/1`)).status).toBe(404)
    expect((await api.post(`${PATH}/discard`, { all: true })).json).toMatchObject({ seen: 0 })
  })

  test('of a route that keeps none say so', async () => {
    const api = await ApiLab.open({ routes: [route({ deadLetter: 'discard' })] })
    const { status, json } = await api.get(PATH)
    expect([status, json.code, json.detail, json.hint]).toEqual([
      501,
      'NOT_HERE',
      'route "orders" keeps no dead letters',
      'Give it a `deadLetter` target.',
    ])
  })

  test('of a broker that is away are 503', async () => {
    const api = await ApiLab.open()
    api.lab.there.reach.goDown()
    const { status, json } = await api.get(PATH)
    expect([status, json.code, json.cause]).toEqual([503, 'BROKER_AWAY', 'CONNECT_FAILED'])
  })

  test('are read by one at a time', async () => {
    const api = await buried()
    const [first, second] = await Promise.all([api.get(PATH), api.get(PATH)])
    expect([first.status, second.status].toSorted()).toEqual([200, 409])
    expect((await api.get(PATH)).status).toBe(200)
  })
})
