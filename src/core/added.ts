// What providers add to contexts: a linked list, as in Go's context.Value. Layers add one thing each, and copying what
// earlier ones have added costs three times as much.

/** One thing that was added to a context. The newest of a name counts. */
export interface Added {
  readonly name: string
  readonly value: unknown
  readonly older: Added | undefined
  /** How many there are, this one included. */
  readonly depth: number
}

// A context that is extended in a loop is given the same names again and again: then what nobody can see is dropped.
const maxDepth = 64

/** `added` with the own properties of `more`. `onName` is told each of their names first. */
export function add(added: Added | undefined, more: object, onName: (name: string) => void): Added | undefined {
  let newest = added
  for (const name in more) {
    if (!Object.hasOwn(more, name)) continue
    onName(name)
    newest = link(name, (more as Readonly<Record<string, unknown>>)[name], newest) // it has a property of that name
  }
  return newest !== undefined && newest.depth > maxDepth ? withoutHidden(newest) : newest
}

/** What was added as `name`; `undefined` where nothing was. */
export function addedAs(added: Added | undefined, name: string): unknown {
  let each = added
  while (each !== undefined && each.name !== name) each = each.older
  return each?.value
}

/** What was added, by name. */
export function entriesOf(added: Added | undefined): Record<string, unknown> {
  const entries: Record<string, unknown> = {}
  for (let each = added; each !== undefined; each = each.older) {
    if (!Object.hasOwn(entries, each.name)) entries[each.name] = each.value
  }
  return entries
}

function withoutHidden(added: Added): Added | undefined {
  let kept: Added | undefined
  for (const [name, value] of Object.entries(entriesOf(added))) kept = link(name, value, kept)
  return kept
}

function link(name: string, value: unknown, older: Added | undefined): Added {
  return { name, value, older, depth: older === undefined ? 1 : older.depth + 1 }
}
