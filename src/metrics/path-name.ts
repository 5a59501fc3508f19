// Names for backends that have no labels: their values become parts of the name, as statsd and Graphite had it from the beginning.

/** `prefix.name.value.value`, in the order of the labels. What would part the name, or end it, becomes `_`. */
export function pathName(
  prefix: string | undefined,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): string {
  const parts = Object.values(labels).map(value => value.replace(/[^A-Za-z0-9_-]/g, '_') || '_')
  return [...(prefix === undefined ? [] : [prefix]), name, ...parts].join('.')
}
