/** Text that is somebody else's, e.g. a message's: its control characters must not reach the terminal. */
export const printable = (text: string): string => text.replace(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/g, '�')

export const oneLine = (text: string): string => printable(text.replace(/\s*\n\s*/g, ' '))

/** At most `width` characters, the last of them an ellipsis where something is cut. */
export const cut = (text: string, width: number): string =>
  text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`
