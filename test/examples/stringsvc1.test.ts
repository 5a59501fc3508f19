// What stringsvc1 needs of Go's encoding/json and strings, where the original cannot be built to compare with.
import { describe, expect, it } from 'vitest'
import { decode, encode } from '../../examples/stringsvc1/go-json.js'
import { toUpper } from '../../examples/stringsvc1/go-strings.js'

const struct = { name: 'countRequest', fields: ['s'] } as const

describe('decoding as Go does', () => {
  it.each([
    ['{"s":"x"}', 'x'],
    [' {"S" : "any case"} ', 'any case'],
    ['{"s":"first"} {"s":"second"} rubbish', 'first'],
    ['{"t":[{}],"s":"after unknown names"}', 'after unknown names'],
    ['{"s":"kept","s":null}', 'kept'],
    ['{}', ''],
    ['null', ''],
    ['{"s":"\\ud83d"}', '\ufffd'],
  ])('%s gives "%s"', (text, expected) => {
    expect(decode(text, struct)).toEqual({ s: expected })
  })

  it.each([
    ['', 'EOF'],
    ['{"s":"x', 'unexpected EOF'],
    ['hello', "invalid character 'h' looking for beginning of value"],
    ['{s:1}', "invalid character 's' looking for beginning of object key string"],
    ['{"s" 1}', "invalid character '1' after object key"],
    ['{"s":1.5.2}', "invalid character '.' after object key:value pair"],
    ['[1}', "invalid character '}' after array element"],
    ['{"s":"\n"}', "invalid character '\\n' in string literal"],
    ['{"s":"\\x"}', "invalid character 'x' in string escape code"],
    ['{"s":é}', "invalid character 'Ã' looking for beginning of value"],
    ['truth', "invalid character 't' in literal true (expecting 'e')"],
    ['{"s":1}', 'json: cannot unmarshal number into Go struct field countRequest.s of type string'],
    ['[]', 'json: cannot unmarshal array into Go value of type main.countRequest'],
  ])('%s fails with "%s"', (text, message) => {
    expect(() => decode(text, struct)).toThrow(
      expect.objectContaining({ failure: expect.objectContaining({ code: 'invalid_argument', message }) }),
    )
  })
})

it('encodes for HTML, with a line break at the end', () => {
  expect(encode({ v: '<&>\u2028"\'' })).toBe('{"v":"\\u003c\\u0026\\u003e\\u2028\\"\'"}\n')
})

it('gives each character one capital or leaves it', () => {
  expect(toUpper('straße ŉ ᾳ ÿ 𐐨')).toBe('STRAßE ŉ ᾼ Ÿ 𐐀')
})
