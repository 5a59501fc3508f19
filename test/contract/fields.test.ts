/** Text has no types: what a path or a query says is read by the JSON Schema of its field. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fieldsOf, isObjectSchema, requiredOf, textField } from '../../src/contract/fields.js'
import type { JsonSchema } from '../../src/contract/json-schema.js'
import { deep } from '../deep.js'

const root: JsonSchema = {
  $defs: { Count: { type: 'integer' }, 'a/b': { type: 'boolean' }, Self: { $ref: '#/$defs/Self' } },
}

describe('a field reads text', () => {
  const table: readonly { readonly field: JsonSchema; readonly readings: Readonly<Record<string, unknown>> }[] = [
    { field: { type: 'string' }, readings: { '7': '7', true: 'true', '': '', null: 'null' } },
    { field: { type: 'number' }, readings: { '7': 7, '-0.5': -0.5, '1e3': 1000, '1E-3': 0.001, '0': 0 } },
    {
      field: { type: 'number' },
      readings: { '007': '007', '+7': '+7', ' 7': ' 7', '0x7': '0x7', '7.': '7.', '.7': '.7' },
    },
    { field: { type: 'number' }, readings: { '': '', Infinity: 'Infinity', NaN: 'NaN', '1_000': '1_000', '٧': '٧' } },
    { field: { type: 'integer' }, readings: { '7': 7, '7.5': 7.5 } },
    { field: { type: 'boolean' }, readings: { true: true, false: false, '1': '1', TRUE: 'TRUE', '': '' } },
    { field: { type: ['number', 'null'] }, readings: { '7': 7, null: 'null' } },
    { field: { type: ['number', 'boolean'] }, readings: { '7': 7, true: true, x: 'x' } },
    { field: { type: ['number', 'string'] }, readings: { '7': '7' } },
    { field: { enum: ['a', 'b'] }, readings: { a: 'a' } },
    { field: { enum: [1, 2] }, readings: { '1': 1, a: 'a' } },
    { field: { const: true }, readings: { true: true } },
    { field: { anyOf: [{ type: 'number' }, { type: 'null' }] }, readings: { '7': 7 } },
    { field: { oneOf: [{ type: 'number' }, { const: 'all' }] }, readings: { '7': '7', all: 'all' } },
    { field: { $ref: '#/$defs/Count' }, readings: { '7': 7 } },
    { field: { $ref: '#/$defs/a~1b' }, readings: { true: true } },
    { field: {}, readings: { '7': '7' } },
  ]
  test.each(table)('$field', ({ field, readings }) => {
    const read = Object.fromEntries(Object.keys(readings).map(text => [text, textField(field, root)?.read(text)]))
    expect(read).toEqual(readings)
    expect(textField(field, root)?.repeated).toBe(false)
  })

  test('of any number as the number that was written', () => {
    const field = textField({ type: 'number' }, root)
    const numbers = fc.double({ noNaN: true, noDefaultInfinity: true }).map(number => number + 0) // -0 has no text
    fc.assert(
      fc.property(numbers, number => field?.read(String(number)) === number),
      { numRuns: deep(200, 10_000) },
    )
  })

  test('of a list item by item', () => {
    const field = textField({ type: 'array', items: { type: 'integer' } }, root)
    expect([field?.repeated, field?.read('7')]).toEqual([true, 7])
    expect(textField({ type: 'array' }, root)?.read('7')).toBe('7')
  })

  test.each([
    [{ type: 'object' }],
    [{ type: 'array', items: { type: 'object' } }],
    [{ type: 'array', items: { type: 'array', items: { type: 'string' } } }],
    [{ anyOf: [{ type: 'string' }, { type: 'object' }] }],
    [{ type: ['string', 'object'] }],
    [{ const: { a: 1 } }],
  ])('not where it is %o', field => expect(textField(field, root)).toBeUndefined())

  test('not where its schema refers to itself without end', () => {
    expect(() => textField({ $ref: '#/$defs/Self' }, root)).toThrow(/refers to itself/)
  })
})

describe('the fields of a message', () => {
  const a = { type: 'object', properties: { a: { type: 'string' } }, required: ['a'] }
  const b = { type: 'object', properties: { b: { type: 'number' } }, required: ['b'] }
  test.each<readonly [what: string, schema: JsonSchema, names: readonly string[], required: readonly string[]]>([
    ['its properties', a, ['a'], ['a']],
    ['those of all its parts', { allOf: [a, b] }, ['a', 'b'], ['a', 'b']],
    ['those of its alternatives, of which it must have none', { anyOf: [a, b] }, ['a', 'b'], []],
    ['its own beside alternatives', { ...a, oneOf: [b] }, ['a', 'b'], ['a']],
    ['those of what it refers to', { $ref: '#/$defs/A', $defs: { A: a } }, ['a'], ['a']],
    [
      'those of what its parts refer to',
      { allOf: [{ $ref: '#/$defs/A' }, b], $defs: { A: a } },
      ['a', 'b'],
      ['a', 'b'],
    ],
    ['none', { type: 'object' }, [], []],
  ])('are %s', (_, schema, names, required) => {
    expect([...fieldsOf(schema).keys()].sort()).toEqual(names)
    expect([...requiredOf(schema)].sort()).toEqual(required)
  })

  test('accept what either alternative does, where two share a name', () => {
    const schema = { anyOf: [{ properties: { id: { type: 'number' } } }, { properties: { id: { const: true } } }] }
    const id = textField(fieldsOf(schema).get('id') ?? {}, schema)
    expect([id?.read('7'), id?.read('true')]).toEqual([7, true])
  })
})

test.each<readonly [JsonSchema, boolean]>([
  [{ type: 'object' }, true],
  [{ type: 'string' }, false],
  [{ type: ['object', 'null'] }, false],
  [{}, true],
  [{ anyOf: [{ type: 'object' }, { type: 'object' }] }, true],
  [{ oneOf: [{ type: 'object' }, { type: 'string' }] }, false],
  [{ allOf: [{ type: 'object' }] }, true],
  [{ $ref: '#/$defs/A', $defs: { A: { type: 'array' } } }, false],
])('%o is a message: %s', (schema, is) => expect(isObjectSchema(schema)).toBe(is))
