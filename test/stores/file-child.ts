// A process to be killed: claims keys in the store at argv[2], confirms two of three and forgets every tenth of the rest,
// and says what it did after it was done, one line each. Runs until somebody kills it.
import { writeSync } from 'node:fs'
import { FileStore } from '../../src/stores/file.ts'

const say = (line: string): void => void writeSync(1, `${line}\n`)
const store = await FileStore.open(process.argv[2]!, 1_000_000)
say('open')
for (let round = 0; ; round++) {
  const keys = Array.from({ length: 20 }, (_, i) => `${process.argv[3]}-${round}-${i}`)
  const answers = await store.claim(keys, 3_600_000)
  if (answers.some(answer => answer !== 'fresh')) say(`unexpected ${answers.join()}`)
  say(`claimed ${keys.join()}`)
  const confirmed = keys.filter((_, i) => i % 3 !== 0)
  await store.confirm(confirmed, 3_600_000)
  say(`confirmed ${confirmed.join()}`)
  const forgotten = keys.filter((_, i) => i === 0)
  await store.forget(forgotten)
  say(`forgot ${forgotten.join()}`)
}
