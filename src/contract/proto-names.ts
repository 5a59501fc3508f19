// Names in a .proto: each language makes its own of them, so they have to be as all of these expect (snake_case fields, PascalCase
// types), and two that differ in JSON must not become one.

/** `skuId` as `sku_id`; what no name in a .proto may have becomes `_`. Empty where nothing is left. */
export function snakeCase(name: string): string {
  const words = name
    .replace(/([a-z\d])([A-Z])/g, '$1_$2')
    .replace(/([A-Z]+)([A-Z][a-z])/g, '$1_$2')
    .replace(/\W+/g, '_')
    .toLowerCase()
    .split('_')
    .filter(word => word !== '')
  const joined = words.join('_')
  return /^\d/.test(joined) ? `n${joined}` : joined
}

/** `sku_id` as `skuId`: the name in JSON that protoc gives a field where none is written. */
export function defaultJsonName(name: string): string {
  return name.replace(/_(.?)/g, (_, letter: string) => letter.toUpperCase())
}

/** `lineItems` as `LineItems`. */
export function pascalCase(name: string): string {
  const joined = snakeCase(name)
    .split('_')
    .map(word => word.charAt(0).toUpperCase() + word.slice(1))
    .join('')
  return joined === '' ? 'Part' : joined
}

/** `get` as `Get`: how a method is called in a .proto. */
export function capitalised(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1)
}
