import { Closed } from '../core/schema.ts'
import { checkStore } from './check-store.ts'
import { USE } from './file-schema.ts'
import type { Path } from './problem.ts'
import type { StepConfig } from './schema.ts'
import { isMapping, type Scope } from './scope.ts'
import { didYouMean, list } from './suggestion.ts'

const UseStep = Closed(USE)
const TIMEOUT = '30s'

/** Checks one entry of `transform:`: `filter: …`, or `use: name` with `with:` and `timeout:`. */
export function checkStep(value: unknown, path: Path, scope: Scope): StepConfig | undefined {
  const { registry } = scope.context
  const names = [...registry.steps.keys()]
  if (!isMapping(value)) {
    const hint =
      typeof value === 'string' && registry.transforms.has(value)
        ? `Write \`- use: ${value}\`.`
        : `For example: \`- filter: \${body.total > 0}\`.`
    return scope.report(path, 'a step must be a mapping', hint)
  }
  if ('use' in value) {
    // `with` belongs to the transform, whose schema says where expressions may stand.
    const { with: options, ...rest } = value
    const step = scope.valid(UseStep, rest, path) as { use: string; timeout: string } | undefined
    if (step === undefined) return undefined
    return checkOptions(step.use, options ?? {}, step.timeout, [...path, 'use'], [...path, 'with'], scope)
  }
  const keys = Object.keys(value)
  const [name] = keys
  if (name === undefined) return scope.report(path, 'the step is empty', `Steps: ${list([...names, 'use'])}.`)
  if (keys.length > 1)
    return scope.report(
      [...path, keys[1]!],
      `a step has one key, but here are ${list(keys)}`,
      `Begin a new entry: \`- ${keys[1]}: …\`.`,
      { atKey: true },
    )
  const at = [...path, name]
  return checkOptions(name, value[name], TIMEOUT, at, at, scope)
}

function checkOptions(
  name: string,
  options: unknown,
  timeout: string,
  at: Path,
  path: Path,
  scope: Scope,
): StepConfig | undefined {
  const { registry, baseDir } = scope.context
  const factory = registry.steps.get(name)
  if (factory === undefined) {
    const hint = didYouMean(name, [...registry.steps.keys(), ...(at === path ? ['use'] : [])], 'Transforms')
    return scope.report(at, `there is no transform "${name}"`, hint, { atKey: at === path })
  }
  const valid = scope.valid(factory.schema, options, path)
  if (valid === undefined || !scope.further(() => factory.check?.(options, { baseDir }), path)) return undefined
  const gathers = 'gather' in factory ? ({ gathers: true } as const) : {}
  if (!('gather' in factory) || !isMapping(valid) || valid['store'] === undefined)
    return { name, options: valid, timeout, ...gathers }
  const store = checkStore(valid['store'], [...path, 'store'], scope)
  return store && { name, options: { ...valid, store }, timeout, ...gathers }
}
