// Where and why a text is not JSON (RFC 8259), in words that are the same on every engine and repeat one character of the text
// at most. JSON.parse's own messages differ between engines, echo their input and often lack the position.

interface Cursor {
  readonly text: string
  at: number
}

/** What may come next. */
type Expected = 'value' | 'item' | 'name' | 'field' | 'colon' | 'more'

const expectations: Readonly<Record<Expected, string>> = {
  value: 'a value',
  item: "a value or ']'",
  name: 'a name in double quotes',
  field: "a name in double quotes or '}'",
  colon: "':'",
  more: "',' or the end of the object or array",
}

/** What should have been there instead. */
interface Wrong {
  readonly expected: string
}

/** The first mistake in `text` with its line and column, or undefined if it is JSON. Takes one pass and no recursion. */
export function syntaxMistake(text: string): string | undefined {
  const cursor: Cursor = { text, at: 0 }
  const wrong = walk(cursor)
  // Never inside the loop: V8 would inline it there, and look for line breaks once for each character, in quadratic time.
  return wrong === undefined ? undefined : mistakeAt(cursor, wrong.expected)
}

function walk(cursor: Cursor): Wrong | undefined {
  const closers: string[] = []
  let expected: Expected = 'value'
  for (;;) {
    skipBlanks(cursor)
    if (expected === 'more' && closers.length === 0) {
      return cursor.at === cursor.text.length ? undefined : { expected: 'nothing more' }
    }
    const next: Expected | Wrong = step(cursor, expected, closers)
    if (typeof next === 'object') return next
    expected = next
  }
}

/** Moves over one token. */
function step(cursor: Cursor, expected: Expected, closers: string[]): Expected | Wrong {
  const character = cursor.text.charAt(cursor.at)
  const mayClose = expected === 'more' || expected === 'item' || expected === 'field'
  if (mayClose && (character === ']' || character === '}') && character === closers.at(-1)) {
    cursor.at++
    closers.pop()
    return 'more'
  }
  if (expected === 'value' || expected === 'item') return valueStep(cursor, expected, closers)
  if (expected === 'name' || expected === 'field') {
    return character === '"' ? after(stringMistake(cursor), 'colon') : { expected: expectations[expected] }
  }
  if (character !== (expected === 'colon' ? ':' : ',')) return { expected: expectations[expected] }
  cursor.at++
  if (expected === 'colon') return 'value'
  return closers.at(-1) === '}' ? 'name' : 'value'
}

function valueStep(cursor: Cursor, expected: Expected, closers: string[]): Expected | Wrong {
  const character = cursor.text.charAt(cursor.at)
  if (character === '{' || character === '[') {
    closers.push(character === '{' ? '}' : ']')
    cursor.at++
    return character === '{' ? 'field' : 'item'
  }
  if (character === '"') return after(stringMistake(cursor), 'more')
  if (character === '-' || isDigit(character)) return after(numberMistake(cursor), 'more')
  const word = ['true', 'false', 'null'].find(each => cursor.text.startsWith(each, cursor.at))
  if (word === undefined) return { expected: expectations[expected] }
  cursor.at += word.length
  return 'more'
}

function after(mistake: string | undefined, next: Expected): Expected | Wrong {
  return mistake === undefined ? next : { expected: mistake }
}

function stringMistake(cursor: Cursor): string | undefined {
  const { text } = cursor
  for (cursor.at++; ; cursor.at++) {
    const character = text.charAt(cursor.at)
    if (character === '"') break
    if (character === '') return 'the double quote that ends the string'
    if (character < ' ') return 'an escape instead of a control character'
    if (character !== '\\') continue
    cursor.at++
    const escaped = text.charAt(cursor.at)
    if (escaped === '' || !'"\\/bfnrtu'.includes(escaped)) return 'one of "\\/bfnrtu after a backslash'
    if (escaped !== 'u') continue
    if (!/^[0-9a-fA-F]{4}$/.test(text.slice(cursor.at + 1, cursor.at + 5)))
      return 'four hexadecimal digits in the escape'
    cursor.at += 4
  }
  cursor.at++
  return undefined
}

function numberMistake(cursor: Cursor): string | undefined {
  const { text } = cursor
  if (text[cursor.at] === '-') cursor.at++
  if (text[cursor.at] === '0') cursor.at++
  else if (!skipDigits(cursor)) return 'a digit'
  if (text[cursor.at] === '.') {
    cursor.at++
    if (!skipDigits(cursor)) return 'a digit after the decimal point'
  }
  if (text[cursor.at] === 'e' || text[cursor.at] === 'E') {
    cursor.at++
    if (text[cursor.at] === '+' || text[cursor.at] === '-') cursor.at++
    if (!skipDigits(cursor)) return 'a digit in the exponent'
  }
  return undefined
}

function skipDigits(cursor: Cursor): boolean {
  const start = cursor.at
  while (isDigit(cursor.text.charAt(cursor.at))) cursor.at++
  return cursor.at > start
}

function isDigit(character: string): boolean {
  return character >= '0' && character <= '9'
}

function skipBlanks(cursor: Cursor): void {
  while (cursor.at < cursor.text.length && ' \n\r\t'.includes(cursor.text.charAt(cursor.at))) cursor.at++
}

function mistakeAt({ text, at }: Cursor, expected: string): string {
  const found = at < text.length ? `not ${characterAt(text, at)}` : 'where the text ends'
  return `${expected} is expected at ${placeIn(text, at)}, ${found}`
}

/** A place for people, both numbers from 1. */
function placeIn(text: string, at: number): string {
  let line = 1
  let lineStart = 0
  for (let end = text.indexOf('\n'); end !== -1 && end < at; end = text.indexOf('\n', lineStart)) {
    line++
    lineStart = end + 1
  }
  return `line ${line}, column ${at - lineStart + 1}`
}

function characterAt(text: string, at: number): string {
  const code = text.codePointAt(at) ?? 0
  const character = String.fromCodePoint(code)
  return /[\p{C}\p{Z}]/u.test(character) ? `U+${code.toString(16).toUpperCase().padStart(4, '0')}` : `'${character}'`
}
