/** A broker cannot be had. The message is one or two sentences: what is missing and what to do about it. */
export class KitError extends Error {
  override readonly name = 'KitError'
}
