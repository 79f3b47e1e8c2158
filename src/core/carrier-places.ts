/** Where properties stood among the headers, for those that were not in front in the usual order. */
export type Place = readonly [name: string, index: number]

/** `content-type@3,message-id@5`. */
export function printPlaces(places: readonly Place[]): string {
  return places.map(([name, index]) => `${name}@${index}`).join(',')
}

/** The places in a note, ascending; none for anything that is not such a note. */
export function parsePlaces(text: string): readonly Place[] {
  if (text.length > 1_000) return []
  const places: Place[] = []
  for (const item of text.split(',')) {
    const match = /^([a-z-]{1,32})@(\d{1,6})$/.exec(item)
    if (match === null) return []
    places.push([match[1]!, Number(match[2])])
  }
  return places.sort((a, b) => a[1] - b[1])
}

/**
 * Moves properties, the first `count` entries, to their noted places. A property stays before all other headers of its
 * name, because the first one that can be is read as the property (`readable`).
 */
export function moveToPlaces<T>(
  list: (readonly [name: string, T])[],
  count: number,
  note: string,
  readable: (entry: readonly [name: string, T]) => boolean,
): void {
  const moved: { readonly entry: readonly [string, T]; readonly index: number }[] = []
  for (const [name, index] of parsePlaces(note)) {
    const at = list.findIndex((entry, i) => i < count && entry[0] === name)
    if (at < 0) continue
    moved.push({ entry: list[at]!, index })
    list.splice(at, 1)
    count--
  }
  for (const { entry, index } of moved) {
    const twin = list.findIndex(other => other[0] === entry[0] && readable(other))
    list.splice(twin < 0 ? index : Math.min(index, twin), 0, entry)
  }
}
