import { styleText } from 'node:util'

const STYLES = ['red', 'yellow', 'green', 'cyan', 'bold', 'dim'] as const

/** Colours for a terminal; without colours every function gives its text back. */
export type Paint = Readonly<Record<(typeof STYLES)[number], (text: string) => string>>

export function createPaint(colours: boolean): Paint {
  const entry = (style: (typeof STYLES)[number]) => (text: string) =>
    colours ? styleText(style, text, { validateStream: false }) : text
  return Object.fromEntries(STYLES.map(style => [style, entry(style)])) as unknown as Paint
}

/** Whether a stream wants colours: a terminal, unless NO_COLOR is set (no-color.org) or TERM is dumb. */
export function wantsColours(
  stream: { readonly isTTY?: boolean },
  env: Readonly<Record<string, string | undefined>>,
): boolean {
  if (env['NO_COLOR'] !== undefined && env['NO_COLOR'] !== '') return false
  return stream.isTTY === true && env['TERM'] !== 'dumb'
}
