// Objects of the suites' own contracts, as schemas: Standard Schema for validation, Standard JSON Schema for transports
// that must know the fields (paths, queries, protobuf).
import type { StandardJSONSchemaV1, StandardSchemaV1 } from '@standard-schema/spec'
import type { DefaultField, Field, Misfit, OptionalField, Reading } from './field.js'

/** Fields by name. */
export type Fields = Readonly<Record<string, Field<never, unknown>>>

type MayLack<F> = { [K in keyof F]: F[K] extends OptionalField<never, unknown> ? K : never }[keyof F]
type MayOmit<F> = MayLack<F> | { [K in keyof F]: F[K] extends DefaultField<never, unknown> ? K : never }[keyof F]
type InOf<X> = X extends Field<infer In, infer _Out> ? In : never
type OutOf<X> = X extends Field<infer _In, infer Out> ? Out : never
type Flat<T> = { [K in keyof T]: T[K] }

/** What may be sent for such fields. */
export type MessageInput<F extends Fields> = Flat<
  { readonly [K in Exclude<keyof F, MayOmit<F>>]: InOf<F[K]> } & { readonly [K in MayOmit<F>]?: InOf<F[K]> }
>
/** What the receiver gets. */
export type MessageOutput<F extends Fields> = Flat<
  { readonly [K in Exclude<keyof F, MayLack<F>>]: OutOf<F[K]> } & { readonly [K in MayLack<F>]?: OutOf<F[K]> }
>

/** An object with such fields: a schema, and a field of other objects. */
export interface Message<In, Out> extends Field<In, Out>, StandardSchemaV1<In, Out> {
  readonly '~standard': StandardSchemaV1.Props<In, Out> & StandardJSONSchemaV1.Props<In, Out>
}

/** Makes a {@link Message}. Fields that it does not name are dropped. */
export function message<F extends Fields>(fields: F): Message<MessageInput<F>, MessageOutput<F>> {
  type Out = MessageOutput<F>
  const json = {
    type: 'object',
    properties: Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, field.json])),
    required: Object.keys(fields).filter(name => fields[name]?.absent === 'refused'),
  }
  const read = (value: unknown, reading: Reading): Out => readFields(fields, value, reading) as Out // one for each field
  const validate = (value: unknown): StandardSchemaV1.Result<Out> => {
    const misfits: Misfit[] = []
    const output = read(value, { path: [], misfits })
    return misfits.length > 0 ? { issues: misfits } : { value: output }
  }
  const jsonSchema = { input: () => ({ ...json }), output: () => ({ ...json }) }
  return { json, absent: 'refused', read, '~standard': { version: 1, vendor: 'tenon', validate, jsonSchema } }
}

function readFields(fields: Fields, value: unknown, { path, misfits }: Reading): Record<string, unknown> {
  const output: Record<string, unknown> = {}
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    misfits.push({ path, message: 'must be an object' })
    return output
  }
  for (const [name, field] of Object.entries(fields)) {
    const given: unknown = Object.hasOwn(value, name) ? Reflect.get(value, name) : undefined
    if (given !== undefined) output[name] = field.read(given, { path: [...path, name], misfits })
    else if (field.absent === 'refused') misfits.push({ path: [...path, name], message: 'is missing' })
    else if (field.absent !== 'left') output[name] = field.absent()
  }
  return output
}
