// Which of a closed set of routes a request is for: a trie of path segments without any regular expression, so that no path can
// be slow (the ReDoS class of path-to-regexp). Paths are checked and decoded once, here, before anything else reads them.
import { type PathPattern, parsePattern } from '../../contract/path-pattern.js'
import { type ReadPath, type ReadVerb, readPath } from './request-path.js'

export { parsePattern, pathOf } from '../../contract/path-pattern.js'

/** A method and a path template, and what to find there. */
export interface Route<T> {
  /** In capitals, as on the wire. */
  readonly method: string
  /** A google.api.http template: `/orders/{id}`, `/orders/{id}:cancel`. */
  readonly pattern: string
  readonly value: T
}

/** The parameters of a path by name, decoded. Inherits nothing, so that `params.constructor` is undefined. */
export type PathParams = Readonly<Record<string, string>>

/** What a request's method and path lead to. */
export type Match<T> =
  | { readonly kind: 'found'; readonly value: T; readonly params: PathParams | undefined }
  | { readonly kind: 'not_found' }
  /** `allow` is sorted and always has OPTIONS, and HEAD wherever there is GET. */
  | { readonly kind: 'method_not_allowed'; readonly allow: readonly string[] }
  /** A path that no server should interpret: answer 400. */
  | { readonly kind: 'invalid'; readonly message: string }

/** Finds routes. */
export interface Router<T> {
  /** `path` is the request's as received, without the query. */
  match(method: string, path: string): Match<T>
}

interface Entry<T> {
  readonly pattern: PathPattern
  readonly value: T
}

/** The routes that share one shape, by method. */
type Leaf<T> = Map<string, Entry<T>>

interface Node<T> {
  readonly literals: Map<string, Node<T>>
  parameter: Node<T> | undefined
  leaf: Leaf<T> | undefined
  readonly verbs: Map<string, Leaf<T>>
}

/**
 * Compiles the routes. In each segment a literal wins over a parameter, and a verb over a parameter that holds a colon; where that
 * leads nowhere for this method, the other is tried. HEAD is found where GET is. A path is matched as it was split before decoding, so
 * that `%2F` is part of a parameter. A path that ends in `/` is another path, and an empty segment matches nothing.
 *
 * A match looks at each node of the trie twice at most, whatever the path: there is one way to each, so that trying the other
 * branch cannot multiply. Paths over 8192 characters are invalid.
 *
 * Throws `TypeError` for a malformed template, and for two routes with one method that differ at most in their parameters' names.
 */
export function router<T>(routes: readonly Route<T>[]): Router<T> {
  const root: Node<T> = newNode()
  const statics = new Map<string, Leaf<T>>()
  for (const { method, pattern, value } of routes) {
    if (!/^[A-Z][A-Z-]*$/.test(method)) throw new TypeError(`router: '${method}' is not a method in capitals`)
    const entry: Entry<T> = { pattern: parsePattern(pattern), value }
    const leaf = leafOf(root, entry.pattern)
    const other = leaf.get(method)
    if (other !== undefined) {
      throw new TypeError(`router: ${method} ${pattern} and ${method} ${other.pattern.text} match the same paths`)
    }
    leaf.set(method, entry)
    if (entry.pattern.names.length === 0) statics.set(pattern, leaf)
  }
  return { match: (method, path) => staticMatch(statics, method, path) ?? trieMatch(root, method, path) }
}

function newNode<T>(): Node<T> {
  return { literals: new Map(), parameter: undefined, leaf: undefined, verbs: new Map() }
}

function leafOf<T>(root: Node<T>, { segments, verb }: PathPattern): Leaf<T> {
  let node = root
  for (const segment of segments) {
    if ('name' in segment) {
      node.parameter ??= newNode()
      node = node.parameter
      continue
    }
    const next = node.literals.get(segment.literal) ?? newNode()
    node.literals.set(segment.literal, next)
    node = next
  }
  const known = verb === undefined ? node.leaf : node.verbs.get(verb)
  if (known !== undefined) return known
  const leaf: Leaf<T> = new Map()
  if (verb === undefined) node.leaf = leaf
  else node.verbs.set(verb, leaf)
  return leaf
}

/** Most routes have no parameter, and then the path as received is the key. */
function staticMatch<T>(statics: ReadonlyMap<string, Leaf<T>>, method: string, path: string): Match<T> | undefined {
  const leaf = statics.get(path)
  const entry = leaf === undefined ? undefined : entryFor(leaf, method)
  return entry === undefined ? undefined : { kind: 'found', value: entry.value, params: undefined }
}

function entryFor<T>(leaf: Leaf<T>, method: string): Entry<T> | undefined {
  return leaf.get(method) ?? (method === 'HEAD' ? leaf.get('GET') : undefined)
}

function trieMatch<T>(root: Node<T>, method: string, path: string): Match<T> {
  const read = readPath(path)
  if ('message' in read) return { kind: 'invalid', message: read.message }
  const search = new Search<T>(method, read)
  const entry = search.visit(root, 0)
  if (entry !== undefined) return { kind: 'found', value: entry.value, params: search.params(entry.pattern) }
  const { allow } = search
  return allow === undefined ? { kind: 'not_found' } : { kind: 'method_not_allowed', allow: [...allow].sort() }
}

/** What all parameters inherit from, so that they inherit nothing and are fast all the same, as an object without one is not. */
const nothing: object = Object.freeze(Object.create(null))

/** One walk through the trie. */
class Search<T> {
  /** The methods of the routes that the path fits, where none fits the method. */
  allow: Set<string> | undefined = undefined
  readonly #method: string
  readonly #path: ReadPath
  readonly #values: string[] = []

  constructor(method: string, path: ReadPath) {
    this.#method = method
    this.#path = path
  }

  visit(node: Node<T>, index: number): Entry<T> | undefined {
    const { segments, verb } = this.#path
    const segment = segments[index]
    if (segment === undefined) return this.#entryIn(node.leaf)
    const withVerb = verb !== undefined && index === segments.length - 1 ? this.#visitVerb(node, verb) : undefined
    if (withVerb !== undefined) return withVerb
    const literal = node.literals.get(segment)
    const found = literal === undefined ? undefined : this.visit(literal, index + 1)
    if (found !== undefined || node.parameter === undefined || segment === '') return found
    this.#values.push(segment)
    const entry = this.visit(node.parameter, index + 1)
    if (entry === undefined) this.#values.pop()
    return entry
  }

  #visitVerb(node: Node<T>, { base, name }: ReadVerb): Entry<T> | undefined {
    const found = this.#entryIn(node.literals.get(base)?.verbs.get(name))
    if (found !== undefined || node.parameter === undefined || base === '') return found
    const entry = this.#entryIn(node.parameter.verbs.get(name))
    if (entry !== undefined) this.#values.push(base)
    return entry
  }

  #entryIn(leaf: Leaf<T> | undefined): Entry<T> | undefined {
    if (leaf === undefined) return undefined
    const entry = entryFor(leaf, this.#method)
    if (entry !== undefined) return entry
    this.allow ??= new Set(['OPTIONS'])
    for (const method of leaf.keys()) this.allow.add(method)
    if (leaf.has('GET')) this.allow.add('HEAD')
    return undefined
  }

  params({ names }: PathPattern): PathParams | undefined {
    if (names.length === 0) return undefined
    const params: Record<string, string> = Object.create(nothing)
    for (let index = 0; index < names.length; index++) params[names[index] ?? ''] = this.#values[index] ?? ''
    return params
  }
}
