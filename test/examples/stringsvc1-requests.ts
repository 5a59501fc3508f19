// What the two stringsvc1 are asked. Chosen for where JavaScript and Go differ: JSON, upper case, lengths, content types, routes.

/** One request. */
export interface Request {
  readonly name: string
  /** @defaultValue 'POST' */
  readonly method?: string
  /** @defaultValue '/uppercase' */
  readonly path?: string
  readonly body?: string
  readonly headers?: Readonly<Record<string, string>>
}

const good: readonly Request[] = [
  { name: 'a word', body: '{"s":"hello, world"}' },
  { name: 'the count of a word', path: '/count', body: '{"s":"hello, world"}' },
  { name: 'an empty string', body: '{"s":""}' },
  { name: 'the count of an empty string', path: '/count', body: '{"s":""}' },
  { name: 'GET with a body', method: 'GET', body: '{"s":"get"}' },
  {
    name: 'GET with a body in chunks, as Go programs send it',
    method: 'GET',
    body: '{"s":"chunks"}',
    headers: { 'transfer-encoding': 'chunked' },
  },
  { name: 'PUT', method: 'PUT', path: '/count', body: '{"s":"put"}' },
  { name: 'DELETE', method: 'DELETE', body: '{"s":"delete"}' },
  { name: 'PATCH', method: 'PATCH', body: '{"s":"patch"}' },
  { name: 'OPTIONS', method: 'OPTIONS', body: '{"s":"options"}' },
  { name: 'a method that nobody knows', method: 'PURGE', body: '{"s":"purge"}' },
  {
    name: 'a form, as curl -d says',
    body: '{"s":"curl"}',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  },
  { name: 'a query', path: '/uppercase?s=query', body: '{"s":"body"}' },
  { name: 'a name in upper case', body: '{"S":"upper"}' },
  { name: 'a name with a long s', body: '{"\u017f":"long"}' },
  { name: 'a name that is escaped', body: '{"\\u0073":"escaped"}' },
  { name: 'unknown names', body: '{"t":{"s":"inner"},"u":[{"s":"inner"}],"s":"outer","ss":"no"}' },
  { name: 'a name twice', body: '{"s":"first","S":"second"}' },
  { name: 'a name with a null after a text', body: '{"s":"kept","s":null}' },
  { name: 'null for a text', body: '{"s":null}' },
  { name: 'null for everything', body: 'null' },
  { name: 'an empty object', body: '{}' },
  { name: 'white space around', body: ' \t\r\n{ "s" : "space" } \n' },
  { name: 'something behind the value', body: '{"s":"first"}{"s":"second"}' },
  { name: 'rubbish behind the value', body: '{"s":"first"}]]' },
]

const texts: readonly Request[] = [
  { name: 'letters with accents', body: '{"s":"äöü éèê ñ ç ø å"}' },
  { name: 'the bytes of letters with accents', path: '/count', body: '{"s":"äöü"}' },
  { name: 'an emoji', body: '{"s":"a😀b"}' },
  { name: 'the bytes of an emoji', path: '/count', body: '{"s":"😀"}' },
  { name: 'letters that have no single upper case', body: '{"s":"ß ŉ ǰ ΐ ﬁ ﬀ ẖ ὖ և"}' },
  { name: 'letters with iota subscript', body: '{"s":"ᾳ ᾀ ᾇ ᾐ ᾠ ῃ ῳ ᾈ ᾼ ᾶ ᾲ"}' },
  { name: 'letters that share an upper case', body: '{"s":"ſ ı ς σ µ ǆ ǅ ⅷ ⓐ ა ყ"}' },
  { name: 'letters beyond the basic plane', body: '{"s":"𐐨 𝒶 𞤢"}' },
  { name: 'what HTML must not see', body: '{"s":"<b>&amp;\'\\"</b>"}' },
  { name: 'line separators', body: '{"s":"a\u2028b\u2029c"}' },
  { name: 'control characters', body: '{"s":"\\u0000\\u0001\\b\\f\\n\\r\\t\\u001f\u007f\u0080\\/\\\\"}' },
  { name: 'a pair of surrogates', body: '{"s":"\\ud83d\\ude00"}' },
  { name: 'halves of surrogate pairs', body: '{"s":"\\ud83d \\ude00 \\ud83d\\u0041 \\ud83d\\ud83d\\ude00"}' },
  { name: 'the bytes of halves of surrogate pairs', path: '/count', body: '{"s":"\\ud83d\\ud83d"}' },
  { name: 'a prototype', body: '{"__proto__":{"s":"x"},"constructor":1,"s":"own"}' },
  { name: 'a long text', body: `{"s":"${'long '.repeat(20_000)}"}` },
]

const bad: readonly Request[] = [
  { name: 'no body', method: 'GET' },
  { name: 'an empty body', body: '' },
  { name: 'white space only', body: ' \n ' },
  { name: 'a byte order mark', body: '\ufeff{"s":"bom"}' },
  ...[
    '{',
    '{"s"',
    '{"s":',
    '{"s":"x',
    '{"s":"x"',
    '{"s":"x",',
    '{"s":"x",}',
    '{"s":"x";}',
    '{"s" "x"}',
    '{s:"x"}',
    "{'s':'x'}",
    '{"s":x}',
    '{"s":é}',
    '{"s":€}',
    '{"s":😀}',
    '{,}',
    '{]',
    '[1}',
    '[1,]',
    '[1 2]',
    '[',
    ']',
    'hello',
    '\u0000',
    '\u0007',
    '\u001b',
    '\u007f',
    '\u00a0',
    '\u00ad',
    '\\',
    "'",
    '=',
    '+1',
    '-',
    '-x',
    '01',
    '{"s":01}',
    '1.',
    '1.x',
    '1e',
    '1e+',
    '1ex',
    '{"s":1.5.2}',
    'tru',
    'truth',
    '{"s":nul}',
    '{"s":fals3}',
    'nope',
    '{"s":"\n"}',
    '{"s":"\t"}',
    '{"s":"\\x"}',
    '{"s":"\\u12"}',
    '{"s":"\\u12g4"}',
    '{"s":"\\ud83',
    '//',
    '{"s":"x"/*c*/}',
    '{"s":NaN}',
    '{"s":undefined}',
  ].map(body => ({ name: JSON.stringify(body), body })),
]

const mistyped: readonly Request[] = [
  '1',
  '-0.5e10',
  '{"s":1}',
  '{"s":-1.5}',
  '{"s":true}',
  '{"s":false}',
  '{"s":[]}',
  '{"s":["x"]}',
  '{"s":{}}',
  '{"s":{"s":"x"}}',
  '{"S":1,"s":true}',
  '{"s":1,"s":"x"}',
  '{"s":1,',
  '"hello"',
  'true',
  'false',
  '[]',
  '[{"s":"x"}]',
  '5 x',
  '5x',
  '"a"b',
].flatMap(body => [
  { name: `${body} of the wrong type`, body },
  { name: `the count of ${body} of the wrong type`, path: '/count', body },
])

const deep: readonly Request[] = [
  { name: 'an object as deep as is allowed', body: `{"a":${'['.repeat(9_999)}${']'.repeat(9_999)},"s":"deep"}` },
  { name: 'an object that is too deep', body: `{"a":${'['.repeat(10_000)}${']'.repeat(10_000)},"s":"deep"}` },
  { name: 'brackets without end', body: '['.repeat(100_000) },
]

const elsewhere: readonly Request[] = [
  { name: 'another path', path: '/lowercase', body: '{"s":"x"}' },
  { name: 'the root', path: '/', method: 'GET' },
  { name: 'a slash behind the path', path: '/uppercase/', body: '{"s":"x"}' },
  { name: 'a path in upper case', path: '/UPPERCASE', body: '{"s":"x"}' },
  { name: 'a path that is escaped', path: '/%75ppercase', body: '{"s":"x"}' },
  { name: 'HEAD', method: 'HEAD' },
]

/** All of them, by what they are about. */
export const requests: readonly (readonly [about: string, requests: readonly Request[]])[] = [
  ['good requests', good],
  ['texts', texts],
  ['bad JSON', bad],
  ['wrong types', mistyped],
  ['deep values', deep],
  ['other paths and methods', elsewhere],
]
