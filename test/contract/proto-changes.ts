/** What can change about a message, and whether it breaks those who call by the old .proto: for our lock, and for buf. */
import { z } from 'zod'

export interface ProtoChange {
  readonly name: string
  readonly before: z.ZodType
  readonly after: z.ZodType
  /** What our lock says of the request; none where nothing breaks. */
  readonly breaks: readonly string[]
  /** buf lets these pass, since the bytes can be read, if as something else. */
  readonly isStricter?: true
}

const a = z.string()
const inner = (is: z.ZodType) => z.object({ inner: z.object({ a: is }) })

export const protoChanges: readonly ProtoChange[] = [
  { name: 'nothing', before: z.object({ a }), after: z.object({ a }), breaks: [] },
  { name: 'a new field', before: z.object({ a }), after: z.object({ b: a, a }), breaks: [] },
  { name: 'a new optional field', before: z.object({ a }), after: z.object({ b: a.optional(), a }), breaks: [] },
  { name: 'a field less', before: z.object({ a, b: a }), after: z.object({ b: a }), breaks: [] },
  { name: 'another order', before: z.object({ a, b: z.int() }), after: z.object({ b: z.int(), a }), breaks: [] },
  { name: 'required to optional', before: z.object({ a }), after: z.object({ a: a.optional() }), breaks: [] },
  { name: 'optional to required', before: z.object({ a: a.optional() }), after: z.object({ a }), breaks: [] },
  { name: 'nullable', before: z.object({ a }), after: z.object({ a: a.nullable() }), breaks: [] },
  { name: 'names to any text', before: z.object({ a: z.enum(['x', 'y']) }), after: z.object({ a }), breaks: [] },
  { name: 'int32 to int64', before: z.object({ a: z.int32() }), after: z.object({ a: z.int() }), breaks: [] },
  { name: 'uint32 to int64', before: z.object({ a: z.uint32() }), after: z.object({ a: z.int() }), breaks: [] },
  { name: 'a field inside', before: inner(a), after: z.object({ inner: z.object({ b: a, a }) }), breaks: [] },
  {
    name: 'an alternative more',
    before: z.object({ a: z.union([z.object({ k: a }), z.object({ k: a, b: a })]) }),
    after: z.object({ a: z.union([z.object({ k: a }), z.object({ k: a, b: a }), z.object({ k: a, c: a })]) }),
    breaks: [],
  },
  {
    name: 'text to a number',
    before: z.object({ a }),
    after: z.object({ a: z.int() }),
    breaks: ['a was string and is int64'],
  },
  {
    name: 'one to many',
    before: z.object({ a }),
    after: z.object({ a: z.array(a) }),
    breaks: ['a was string and is repeated string'],
  },
  {
    name: 'many to one',
    before: z.object({ a: z.array(z.int()) }),
    after: z.object({ a: z.int() }),
    breaks: ['a was repeated int64 and is int64'],
  },
  {
    name: 'a list of others',
    before: z.object({ a: z.array(z.int()) }),
    after: z.object({ a: z.array(a) }),
    breaks: ['a was repeated int64 and is repeated string'],
  },
  {
    name: 'a map of others',
    before: z.object({ a: z.record(a, z.int()) }),
    after: z.object({ a: z.record(a, a) }),
    breaks: ['a was map<string, int64> and is map<string, string>'],
  },
  {
    name: 'a fraction to an integer',
    before: z.object({ a: z.number() }),
    after: z.object({ a: z.int() }),
    breaks: ['a was double and is int64'],
  },
  {
    name: 'a time to text',
    before: z.object({ a: z.iso.datetime() }),
    after: z.object({ a }),
    breaks: ['a was google.protobuf.Timestamp and is string'],
  },
  {
    name: 'optional and nullable',
    before: z.object({ a: a.optional() }),
    after: z.object({ a: a.nullish() }),
    breaks: ['a was optional string and is optional google.protobuf.Value'],
  },
  {
    name: 'an object to text',
    before: inner(a),
    after: z.object({ inner: a }),
    breaks: ['inner was NAME.Inner and is string'],
  },
  {
    name: 'text to a number inside',
    before: inner(a),
    after: inner(z.int()),
    breaks: ['Inner.a was string and is int64'],
  },
  {
    name: 'a name in JSON',
    before: z.object({ skuId: a }),
    after: z.object({ SkuId: a }),
    breaks: ["sku_id was 'skuId' in JSON and is 'SkuId'"],
  },
  {
    name: 'any object',
    before: z.object({ a }),
    after: z.looseObject({ a }),
    breaks: ['/Get took NAME and takes google.protobuf.Struct'],
  },
  {
    name: 'a flag to a number',
    before: z.object({ a: z.boolean() }),
    after: z.object({ a: z.int() }),
    breaks: ['a was bool and is int64'],
    isStricter: true,
  },
  {
    name: 'text to bytes',
    before: z.object({ a }),
    after: z.object({ a: z.base64() }),
    breaks: ['a was string and is bytes'],
    isStricter: true,
  },
]
