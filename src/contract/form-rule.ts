// What the fields of a form are: texts, read as those of a query are, and files. On all other transports they are fields like any other.
import { fieldsOf, isBytes, requiredOf, resolve, type TextField, textField } from './fields.js'
import type { JsonSchema } from './json-schema.js'

/** How the body of a form is written. */
export type FormKind = 'multipart' | 'urlencoded'

/** A field that is a file: its bytes, or an object of them with what is said of them. */
export interface FileField {
  readonly repeated: boolean
  /** Whether it is an object of `content` and, where they are there, `name` and `type`. */
  readonly named: boolean
}

/** A form, worked out. */
export interface FormRule {
  readonly kind: FormKind
  readonly texts: ReadonlyMap<string, TextField>
  readonly files: ReadonlyMap<string, FileField>
  /** The lists that a message must have: none in the form means that they are empty. */
  readonly lists: readonly string[]
}

/** The media types of forms. */
export const formTypes: Readonly<Record<FormKind, string>> = {
  multipart: 'multipart/form-data',
  urlencoded: 'application/x-www-form-urlencoded',
}

/** Works a form out; `elsewhere` are the fields of the path. Throws `TypeError`, naming the field, for what no form can carry. */
export function formRule(where: string, kind: FormKind, root: JsonSchema, elsewhere: readonly string[]): FormRule {
  if (!Object.hasOwn(formTypes, kind))
    throw new TypeError(`${where}: http.form must be 'multipart' or 'urlencoded', got '${String(kind)}'`)
  const texts = new Map<string, TextField>()
  const files = new Map<string, FileField>()
  for (const [name, field] of fieldsOf(root)) {
    if (elsewhere.includes(name)) continue
    const file = kind === 'multipart' ? fileField(field, root) : undefined
    const text = file === undefined ? textField(field, root) : undefined
    if (file !== undefined) files.set(name, file)
    else if (text !== undefined) texts.set(name, text)
    else throw new TypeError(`${where}: the field '${name}' cannot be in a form: it is neither text nor a file`)
  }
  const required = requiredOf(root)
  const lists = [...texts, ...files]
    .filter(([name, { repeated }]) => repeated && required.has(name))
    .map(([name]) => name)
  return { kind, texts, files, lists }
}

function fileField(field: JsonSchema, root: JsonSchema, repeated = false): FileField | undefined {
  const schema = resolve(field, root)
  if (isBytes(schema, root)) return { repeated, named: false }
  if (schema['type'] === 'array') return repeated ? undefined : fileField(itemsOf(schema), root, true)
  if (schema['type'] !== 'object') return undefined
  const { content, ...others } = Object.fromEntries(fieldsOf({ ...schema, $defs: root['$defs'] }))
  const isFile =
    content !== undefined &&
    isBytes(content, root) &&
    Object.keys(others).every(name => name === 'name' || name === 'type')
  return isFile ? { repeated, named: true } : undefined
}

function itemsOf({ items }: JsonSchema): JsonSchema {
  return typeof items === 'object' && items !== null ? (items as JsonSchema) : {} // any object can be read as one
}
