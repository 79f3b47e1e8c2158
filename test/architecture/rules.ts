import { bare, type Files } from './code.ts'
import { type Arrow, arrows, cycles } from './graph.ts'

// Who may import whom: a lower rank or the own room. The leaf rooms stand aside: they know core, and app knows them.
const RANKS: Readonly<Record<string, number>> = { core: 0, config: 1, engine: 2, admin: 3, app: 4, cli: 5 }
const LEAVES = ['drivers', 'transforms', 'stores']
const DRIVER_TABLE = 'src/drivers/index.ts'
const PUBLIC_DOOR = 'src/index.ts'
const KINDS_OF_CODE = ['utils', 'util', 'types', 'common', 'helpers', 'interfaces', 'shared', 'lib', 'misc']
// An exception that says why, in the line before.
const ARGUED = /biome-ignore lint\/suspicious\/noExplicitAny: \S+/
const LONGEST = 300
const MEDIAN = 110

/** What is wrong with our own house, one sentence per place, each with what to do instead. `files` are those of src/. */
export function refusals(files: Files): readonly string[] {
  const all = arrows(files)
  return [
    ...all.flatMap(arrow => direction(arrow) ?? []),
    ...cycles(all).map(
      path => `${path.join(' → ')} is a cycle: move what both need into a file of its own that imports neither.`,
    ),
    ...[...files.keys()].flatMap(file => naming(file) ?? []),
    ...content(files),
    ...state(files),
    ...lengths(files),
    ...median(files),
  ]
}

/** Rules that hold for tests too. */
export function content(files: Files): readonly string[] {
  return [...files].flatMap(([file, source]) => {
    const code = bare(source).split('\n')
    const text = source.split('\n')
    return text.flatMap((line, i) => {
      const place = `${file}:${i + 1}`
      if (/\b(?:T[O]DO|F[I]XME|X[X]X)\b/.test(line))
        return `${place} postpones something: do it now, or write an issue.`
      if (/(?:[:<,|&(=]|\bas|\bextends)\s*any\b(?!\()/.test(code[i]!) && !ARGUED.test(text[i - 1] ?? ''))
        return `${place} says any: say what it is, or unknown and look.`
      return []
    })
  })
}

function state(files: Files): readonly string[] {
  return [...files].flatMap(([file, source]) =>
    bare(source)
      .split('\n')
      .flatMap((line, i) =>
        /^(?:export )?(?:let|var) /.test(line)
          ? [`${file}:${i + 1} is state of a module: put it into an object that somebody owns and closes.`]
          : [],
      ),
  )
}

export function lengths(files: Files): readonly string[] {
  return [...files]
    .filter(([, source]) => lines(source) > LONGEST)
    .map(([file, source]) => `${file} has ${lines(source)} lines: split it by idea, ${LONGEST} is the most.`)
}

function direction({ from, to }: Arrow): string | undefined {
  if (to === PUBLIC_DOOR) return `${from} imports the public door: import the file in core/ that has what it needs.`
  if (!to.startsWith('src/'))
    return `${from} imports ${to}, which is not part of the product: move what it needs into src/.`
  if (from === PUBLIC_DOOR) return undefined
  const [room, other] = [roomOf(from), roomOf(to)]
  if (LEAVES.includes(room)) return fromLeaf(from, to, room, other)
  if (LEAVES.includes(other))
    return room === 'app'
      ? undefined
      : `${from} imports ${to}: only app names drivers, transforms and stores, the rest asks the registry.`
  const [rank, below] = [RANKS[room], RANKS[other]]
  if (rank === undefined)
    return `${from} is in no room we know: put it into one of ${[...Object.keys(RANKS), ...LEAVES].join(', ')}.`
  if (below === undefined || room === other || below < rank) return undefined
  return `${from} imports ${to}, but ${room} is below ${other}: pass it in from above, or move the shared part down.`
}

function fromLeaf(from: string, to: string, room: string, other: string): string | undefined {
  if (other === 'core') return undefined
  if (room !== other) return `${from} imports ${to}: ${room} import core only; what they need beyond it is passed in.`
  if (room !== 'drivers' || from === DRIVER_TABLE) return undefined
  if (folderOf(from) === folderOf(to)) return undefined
  return `${from} imports ${to}: drivers never know each other; move what two of them need into core/.`
}

function naming(file: string): string | undefined {
  const parts = file.split('/').slice(0, -1)
  const kind = parts.find(part => KINDS_OF_CODE.includes(part))
  if (kind !== undefined) return `${file} is in a folder named after a kind of code (${kind}): name it after its job.`
  const name = file
    .split('/')
    .at(-1)!
    .replace(/\.[a-z]+$/, '')
  if (KINDS_OF_CODE.includes(name)) return `${file} is named after a kind of code: name it after its one idea.`
  if (name === 'index' && file !== PUBLIC_DOOR && file !== DRIVER_TABLE)
    return `${file} is a barrel: delete it and import the files behind it.`
  return undefined
}

function median(files: Files): readonly string[] {
  const sizes = [...files.values()].map(lines).sort((a, b) => a - b)
  const middle = sizes[Math.floor(sizes.length / 2)] ?? 0
  return middle > MEDIAN ? [`The median file has ${middle} lines: one idea per file, ${MEDIAN} is the most.`] : []
}

const roomOf = (file: string): string => file.split('/')[1]!
const folderOf = (file: string): string => file.split('/').slice(0, 3).join('/')
const lines = (source: string): number => source.split('\n').length - (source.endsWith('\n') ? 1 : 0)
