import { cpSync, mkdirSync, readFileSync } from 'node:fs'
import { basename, isAbsolute, join, resolve } from 'node:path'
import { must } from '../brokers/commands.ts'

export interface Instruction {
  readonly name: string
  readonly rest: string
}

/** A stage of an image as a plain folder. */
export class Stage {
  /** Stands for `/`. */
  readonly root: string
  workdir = '/'
  readonly env: Record<string, string> = {}
  /** ENTRYPOINT, CMD and HEALTHCHECK, as lists. */
  readonly commands = new Map<string, readonly string[]>()
  user = 'root'

  constructor(root: string) {
    this.root = root
  }

  /** Where a path of the image is on this machine. */
  at(path: string): string {
    return join(this.root, resolve(this.workdir, path))
  }
}

export function parseDockerfile(text: string): readonly Instruction[] {
  const lines = text.split('\n').filter(line => !line.trimStart().startsWith('#'))
  const whole = lines.join('\n').replace(/\\\n\s*/g, ' ')
  return whole
    .split('\n')
    .filter(line => line.trim() !== '')
    .map(line => {
      const [, name, rest] = /^\s*([A-Z]+)\s+(.*)$/.exec(line)!
      return { name: name!, rest: rest!.trim() }
    })
}

/**
 * Does what a Dockerfile says, stage by stage, each in a folder of its own below `work`; `context` is what it may copy. Base
 * images are empty but for the Node.js that runs this, as /usr/local/bin/node. Returns the last stage.
 */
export async function build(file: string, context: string, work: string, baseEnv: NodeJS.ProcessEnv): Promise<Stage> {
  const stages = new Map<string, Stage>()
  let stage: Stage | undefined
  for (const { name, rest } of parseDockerfile(readFileSync(file, 'utf8'))) {
    if (name === 'FROM') {
      const [image, , alias = String(stages.size)] = rest.split(/\s+/)
      stage = new Stage(join(work, alias))
      stages.set(alias, stage)
      mkdirSync(stage.root, { recursive: true })
      if (image!.startsWith('node:')) cpSync(process.execPath, stage.at('/usr/local/bin/node'))
    } else await step(stage!, name, rest, { context, stages, baseEnv })
  }
  return stage!
}

interface Surroundings {
  readonly context: string
  readonly stages: ReadonlyMap<string, Stage>
  readonly baseEnv: NodeJS.ProcessEnv
}

async function step(
  stage: Stage,
  name: string,
  rest: string,
  { context, stages, baseEnv }: Surroundings,
): Promise<void> {
  switch (name) {
    case 'WORKDIR':
      stage.workdir = resolve(stage.workdir, rest)
      mkdirSync(stage.at('.'), { recursive: true })
      return
    case 'ENV':
      for (const [, key, value] of rest.matchAll(/(\w+)=(\S+)/g)) stage.env[key!] = value!
      return
    case 'COPY': {
      const words = rest.split(/\s+/)
      const from = words.find(word => word.startsWith('--from='))?.slice(7)
      const paths = words.filter(word => !word.startsWith('--'))
      const target = paths.pop()!
      for (const path of paths) {
        const source = from === undefined ? join(context, path) : stages.get(from)!.at(path)
        cpSync(source, stage.at(target.endsWith('/') ? target + basename(path) : target), { recursive: true })
      }
      return
    }
    case 'RUN': {
      const command = rest.replace(/^(--\S+\s+)+/, '')
      const env = { ...baseEnv, ...stage.env }
      await must(`The step does not work: ${command}`, 'sh', ['-euc', command], { cwd: stage.at('.'), env })
      return
    }
    case 'USER':
      stage.user = rest
      return
    case 'ENTRYPOINT':
    case 'CMD':
      stage.commands.set(name, JSON.parse(rest) as string[])
      return
    case 'HEALTHCHECK':
      stage.commands.set(name, JSON.parse(/CMD\s+(\[.*\])$/.exec(rest)![1]!) as string[])
      return
    case 'EXPOSE':
    case 'STOPSIGNAL':
      return
    default:
      throw new Error(`${name} is an instruction that this test does not know: teach it what it does.`)
  }
}

/** A command of the image for this machine: its absolute paths are in the stage's folder. */
export function onThisMachine(stage: Stage, command: readonly string[]): readonly string[] {
  return command.map(word => (isAbsolute(word) ? stage.at(word) : word))
}
