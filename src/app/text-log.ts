/** How text is marked up; plain functions that give their text back make plain text. */
export interface TextStyle {
  red(text: string): string
  yellow(text: string): string
  green(text: string): string
  dim(text: string): string
}

const LEVELS: Readonly<Record<string, (style: TextStyle) => string>> = {
  debug: style => style.dim('debug'),
  info: style => style.green('info '),
  warn: style => style.yellow('warn '),
  error: style => style.red('error'),
}

/**
 * One log record for a person: time, level, sentence, the fields that the sentence has not said already, and below them
 * what to do.
 */
export function formatRecord(record: Readonly<Record<string, unknown>>, style: TextStyle): string {
  const { time, level, msg, route, hint, code, error, err, ...fields } = record
  const failure = (error ?? err) as Readonly<Record<string, unknown>> | string | undefined
  const parts = [style.dim(clock(new Date(String(time)))), LEVELS[String(level)]?.(style) ?? String(level)]
  const sentence = oneLine(msg)
  if (route !== undefined && !says(sentence, route)) parts.push(`[${String(route)}]`)
  parts.push(sentence)
  if (code !== undefined) parts.push(`(${String(code)})`)
  if (typeof failure === 'object')
    parts.push(`(${oneLine([failure['code'], failure['message']].filter(Boolean).join(': '))})`)
  else if (failure !== undefined) parts.push(`(${oneLine(failure)})`)
  const rest = Object.entries(fields)
    .filter(([, value]) => !says(sentence, value))
    .map(([name, value]) => `${name}=${shown(value)}`)
  if (rest.length > 0) parts.push(style.dim(rest.join(' ')))
  const advice = hint ?? (typeof failure === 'object' ? failure['hint'] : undefined)
  const below = advice === undefined ? '' : `\n${INDENT}hint: ${style.dim(oneLine(advice))}`
  const stack = typeof failure === 'object' ? failure['stack'] : undefined
  return `${parts.join(' ')}${below}\n${typeof stack === 'string' ? `${style.dim(stack)}\n` : ''}`
}

// The time of the person who reads it.
const clock = (time: Date): string =>
  `${time.toTimeString().slice(0, 8)}.${String(time.getMilliseconds()).padStart(3, '0')}`

// Below the level, so that the words of both stand in one column.
const INDENT = ' '.repeat(13)

function says(sentence: string, value: unknown): boolean {
  if (typeof value !== 'string' && typeof value !== 'number') return false
  return ` ${sentence} `.includes(` ${value} `) || sentence.includes(` ${value}:`) || sentence.includes(` ${value},`)
}

function shown(value: unknown): string {
  if (Array.isArray(value)) return value.map(shown).join(',')
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return /[\s"=]/.test(text) && typeof value === 'string' ? JSON.stringify(text) : text
}

const oneLine = (value: unknown): string => String(value ?? '').replace(/\s*\n\s*/g, ' ')
