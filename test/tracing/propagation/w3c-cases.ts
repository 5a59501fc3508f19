/**
 * The cases of W3C's own validation suite for Trace Context (github.com/w3c/trace-context, test/test.py, strict level 2) as data: what
 * a service is sent, and what must show in what it sends on. Headers are as on the wire: the same name may occur several times.
 */

export interface W3cCase {
  readonly name: string
  readonly headers: readonly (readonly [string, string])[]
  /** Whether the trace of `traceId` goes on; otherwise a new one begins. */
  readonly joined: boolean
  /** What the list sent on holds, in this order; none of it where it is empty. */
  readonly state?: readonly string[]
}

export const traceId = '12345678901234567890123456789012'
export const parentId = '1234567890123456'
const parent = `00-${traceId}-${parentId}-01`
const unsampled = `00-${traceId}-${parentId}-00`

const letters = 'abcdefghijklmnopqrstuvwxyz'
const anyKey = `${letters}0123456789_-*/`
const anyValue = Array.from({ length: 0x7e - 0x20 + 1 }, (_, at) => String.fromCharCode(0x20 + at))
  .filter(character => character !== ',' && character !== '=')
  .join('')
const bars = (from: number, to: number): string =>
  Array.from({ length: to - from + 1 }, (_, at) => String(from + at).padStart(2, '0'))
    .map(number => `bar${number}=${number}`)
    .join(',')
const tens = [bars(1, 10), bars(11, 20), bars(21, 30)]

const parents: readonly W3cCase[] = (
  [
    ['a valid one', [parent], true],
    ['none', [], false],
    ['two', [`00-${traceId.slice(0, -1)}1-${parentId}-01`, parent], false],
    ['version 00 with a character more', [`${parent}.`], false],
    ['version 00 with a part more', [`${parent}-what-the-future-will-be-like`], false],
    ['version cc', [`cc${parent.slice(2)}`], true],
    ['version cc with a part more', [`cc${parent.slice(2)}-what-the-future-will-be-like`], true],
    ['version cc with something that is no part', [`cc${parent.slice(2)}.what-the-future-will-be-like`], false],
    ['version ff', [`ff${parent.slice(2)}`], false],
    ['a version that begins with no digit', [`.0${parent.slice(2)}`], false],
    ['a version that ends with no digit', [`0.${parent.slice(2)}`], false],
    ['a version of three digits', [`0${parent}`], false],
    ['a version of four digits', [`00${parent}`], false],
    ['a version of one digit', [parent.slice(1)], false],
    ['a trace id of zeros', [`00-${'0'.repeat(32)}-${parentId}-01`], false],
    ['a trace id that begins with no digit', [`00-.${traceId.slice(1)}-${parentId}-01`], false],
    ['a trace id that ends with no digit', [`00-${traceId.slice(0, -1)}.-${parentId}-01`], false],
    ['a trace id of 33 digits', [`00-${traceId}3-${parentId}-01`], false],
    ['a trace id of 31 digits', [`00-${traceId.slice(0, -1)}-${parentId}-01`], false],
    ['a parent id of zeros', [`00-${traceId}-${'0'.repeat(16)}-01`], false],
    ['a parent id that begins with no digit', [`00-${traceId}-.${parentId.slice(1)}-01`], false],
    ['a parent id that ends with no digit', [`00-${traceId}-${parentId.slice(0, -1)}.-01`], false],
    ['a parent id of 17 digits', [`00-${traceId}-${parentId}7-01`], false],
    ['a parent id of 15 digits', [`00-${traceId}-${parentId.slice(0, -1)}-01`], false],
    ['flags that begin with no digit', [`00-${traceId}-${parentId}-.0`], false],
    ['flags that end with no digit', [`00-${traceId}-${parentId}-0.`], false],
    ['flags of three digits', [`00-${traceId}-${parentId}-001`], false],
    ['flags of one digit', [`00-${traceId}-${parentId}-1`], false],
    ['a space before it', [` ${parent}`], true],
    ['a tab before it', [`\t${parent}`], true],
    ['a space after it', [`${parent} `], true],
    ['a tab after it', [`${parent}\t`], true],
    ['blanks around it', [`\t ${parent} \t`], true],
  ] as const
).map(([name, values, joined]) => ({
  name: `traceparent: ${name}`,
  headers: values.map(value => ['traceparent', value] as const),
  joined,
}))

const names: readonly W3cCase[] = [
  { name: 'the name trace-parent', headers: [['trace-parent', parent]], joined: false },
  { name: 'the name trace.parent', headers: [['trace.parent', parent]], joined: false },
  ...['TraceParent', 'TrAcEpArEnT', 'TRACEPARENT'].map(name => ({
    name: `the name ${name}`,
    headers: [[name, parent] as const],
    joined: true,
  })),
  ...['trace-state', 'trace.state'].map(name => ({
    name: `the name ${name}`,
    headers: [['traceparent', unsampled] as const, [name, 'foo=1'] as const],
    joined: true,
    state: [],
  })),
  ...['TraceState', 'TrAcEsTaTe', 'TRACESTATE'].map(name => ({
    name: `the name ${name}`,
    headers: [['traceparent', unsampled] as const, [name, 'foo=1'] as const],
    joined: true,
    state: ['foo=1'],
  })),
  { name: 'tracestate without traceparent', headers: [['tracestate', 'foo=1,bar=2']], joined: false, state: [] },
]

const states: readonly W3cCase[] = (
  [
    ['two members', ['foo=1,bar=2'], ['foo=1', 'bar=2']],
    ['nothing', [''], []],
    ['something, then nothing', ['foo=1', ''], ['foo=1']],
    ['nothing, then something', ['', 'foo=1'], ['foo=1']],
    ['three headers', ['foo=1,bar=2', 'rojo=1,congo=2', 'baz=3'], ['foo=1', 'bar=2', 'rojo=1', 'congo=2', 'baz=3']],
    ['the same member twice', ['foo=1,foo=1'], []],
    ['the same key twice', ['foo=1,foo=2'], []],
    ['the same member in two headers', ['foo=1', 'foo=1'], []],
    ['the same key in two headers', ['foo=1', 'foo=2'], []],
    ['all characters', [`${anyKey}=${anyValue}`], [`${anyKey}=${anyValue}`]],
    ['all characters, with a tenant', [`${anyKey}@a-z0-9_-*/=${anyValue}`], [`${anyKey}@a-z0-9_-*/=${anyValue}`]],
    ['blanks between members', ['foo=1 \t , \t bar=2, \t baz=3'], ['foo=1', 'bar=2', 'baz=3']],
    ['tabs between members', ['foo=1\t \t,\t \tbar=2,\t \tbaz=3'], ['foo=1', 'bar=2', 'baz=3']],
    ['a space before it', [' foo=1'], ['foo=1']],
    ['a tab before it', ['\tfoo=1'], ['foo=1']],
    ['a space after it', ['foo=1 '], ['foo=1']],
    ['a tab after it', ['foo=1\t'], ['foo=1']],
    ['blanks around it', ['\t foo=1 \t'], ['foo=1']],
    ['a blank in a key', ['foo =1'], []],
    ['upper case in a key', ['FOO=1'], []],
    ['a dot in a key', ['foo.bar=1'], []],
    ['a tenant without a system', ['foo@=1,bar=2'], []],
    ['a system without a tenant', ['@foo=1,bar=2'], []],
    ['two @', ['foo@@bar=1,bar=2'], []],
    ['two systems', ['foo@bar@baz=1,bar=2'], []],
    ['32 members', [...tens, bars(31, 32)], [...tens, bars(31, 32)].join(',').split(',')],
    ['33 members', [...tens, bars(31, 33)], []],
    ['a key of 256 characters', ['foo=1', `${'z'.repeat(256)}=1`], ['foo=1', `${'z'.repeat(256)}=1`]],
    ['a key of 257 characters', ['foo=1', `${'z'.repeat(257)}=1`], []],
    ['a tenant of 241 and a system of 14', ['foo=1', `${'t'.repeat(241)}@${'v'.repeat(14)}=1`], ['foo=1']],
    ['a tenant of 242', ['foo=1', `${'t'.repeat(242)}@v=1`], []],
    ['a system of 15', ['foo=1', `t@${'v'.repeat(15)}=1`], []],
    ['an equals sign in a value', ['foo=bar=baz'], []],
    ['an empty value', ['foo=,bar=3'], []],
  ] as const
).map(([name, values, state]) => ({
  name: `tracestate: ${name}`,
  headers: [['traceparent', unsampled] as const, ...values.map(value => ['tracestate', value] as const)],
  joined: true,
  state,
}))

export const w3cCases: readonly W3cCase[] = [...parents, ...names, ...states]
