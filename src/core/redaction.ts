// Keeps secrets out of whatever people read: log lines, spans, the messages of failures. By name where there is one, and in free
// text by what secrets look like there. All patterns are linear, since the text may be an attacker's (CWE-532, CWE-1333).
import { late } from './late.js'
import { secretNames } from './secret-names.js'

/** What stands for a hidden value. */
export const redacted = '[redacted]'

/** Options of {@link redaction}. */
export interface RedactionOptions {
  /**
   * Further names of secrets: whatever contains one of these. Upper case and separators make no difference, here and in `reveal`.
   * @defaultValue none beyond passwords, tokens, keys and cookies; see docs/log.md
   */
  readonly redact?: readonly string[]
  /** Names, in full, that are shown although they look like those of secrets: `nextPageToken`. @defaultValue none */
  readonly reveal?: readonly string[]
}

/** Knows secrets by their names and by their looks. */
export interface Redaction {
  /** Whether what has this name must be hidden. */
  isSecret(name: string): boolean
  /**
   * The text with `[redacted]` for what looks like a secret in it: values after such a name (`password=…`, `"token":"…"`,
   * `?sig=…`), `Bearer …` and `Basic …`, tokens of well-known forms, private keys, and user and password in URLs. Of more than
   * 65 536 characters the rest is cut. Never throws.
   */
  text(text: string): string
}

const longest = 65_536

/** Makes a redaction. Throws `TypeError`, beginning with `owner`, for a name without letters or digits. */
export function redaction(options: RedactionOptions = {}, owner = 'redaction'): Redaction {
  const { redact = [], reveal = [] } = options
  const isSecret = secretNames(redact, reveal, owner)
  return {
    isSecret,
    text(text) {
      if (!suspicious.test(text)) return text.length > longest ? cut(text) : text
      return withoutNamed(withoutElements(withoutShapes(text.length > longest ? cut(text) : text), isSecret), isSecret)
    },
  }
}

const byDefault = late(() => redaction())

/** {@link Redaction.isSecret} without further names. */
export function isSecretName(name: string): boolean {
  return byDefault().isSecret(name)
}

/** {@link Redaction.text} without further names. */
export function redactedText(text: string): string {
  return byDefault().text(text)
}

// Most texts have nothing of all that: one look shows it.
const suspicious =
  /[:=@<]|%3D|ey[IJ]|A[KS]IA|gh[opsru]_|github_pat|glpat|xox|[rs]k[_-]|AIza|npm_|bearer|basic|pass|secret|token|key|cookie|credential/i

function cut(text: string): string {
  return `${text.slice(0, longest).replace(/[\ud800-\udbff]$/, '')}…`
}

/** Each hides a group of a match, or all of it. */
const shapes = late((): readonly { readonly of: RegExp; readonly as: string }[] => [
  { of: /-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|$)/g, as: redacted },
  // User and password of a URL, also where the password has a slash in it.
  { of: /(:\/\/)[^\s/?#"'<>\\]{1,512}@/g, as: `$1${redacted}@` },
  { of: /(:\/\/)[^\s/:@?#]{0,128}:(?!\d{1,5}(?:[/?#\s]|$))[^\s@"'<>]{1,256}@/g, as: `$1${redacted}@` },
  {
    of: /\b(bearer|negotiate)(\s{1,8})(?!\[redacted\]|(?:token|auth|scheme|realm|error)\w*\b)[\w.~+/=-]+/gi,
    as: `$1$2${redacted}`,
  },
  { of: /\b([Bb]asic|BASIC)(\s{1,8})(?=[a-z+/]{0,512}[A-Z0-9=])[\w+/=-]{6,}/g, as: `$1$2${redacted}` },
  { of: /(?<![\w-])ey[IJ][\w-]{6,}\.[\w-]{2,}(?:\.[\w-]*){0,3}/g, as: redacted },
  {
    of: /\b(?:A[KS]IA[A-Z0-9]{16}|gh[opsru]_\w{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|xox[a-z]-[\w-]{8,})/g,
    as: redacted,
  },
  { of: /\b(?:[rs]k_(?:live|test)_\w{8,}|sk-[\w-]{20,}|AIza[\w-]{30,}|npm_\w{30,})/g, as: redacted },
  // In prose, such a word and then something in quotes or with a digit: `wrong password 'abc'`, `token k3y-1 is unknown`.
  {
    of: /\b((?:pass(?:word|phrase|code)|secret|token|api[ _-]?key|cookie|credentials?)\s{1,4}(?:is\s{1,4}|was\s{1,4})?)(["'`])[^"'`\n]{1,512}\2/gi,
    as: `$1$2${redacted}$2`,
  },
  {
    of: /\b((?:pass(?:word|phrase|code)|secret|token|api[ _-]?key|cookie|credentials?)\s{1,4}(?:is\s{1,4}|was\s{1,4})?)(?=[^\s\d"'`]{0,64}\d)[^\s"'`;,]{6,}/gi,
    as: `$1${redacted}`,
  },
])

function withoutShapes(text: string): string {
  let left = text
  for (const { of, as } of shapes()) left = left.replace(of, as)
  return left
}

// A name and what stands between it and its value, in code, JSON (in strings as well), forms, headers, database errors and on command
// lines.
const named = /(?<![\w.-])-{0,2}([A-Za-z_][\w.-]*)(?:[\])]|%5D)?\\*["'`]?\s{0,8}(?::|=>?|%3D)\s{0,8}\(?/g
const inQuotes = /(\\*)(["'`])/y
const bare = /[^\s,;&"'`<>)\]}]+/y
// Up to a quote, which is mostly that of what the header is quoted in; but for parameters that are quoted themselves.
const wholeLine = /(?:[^\n\r"'`}=]|=(?:\\*"[^"\n\r]*"?)?)+/y
// In stacks, what follows it is a line.
const sourceFile = /\.[cm]?[jt]sx?$/
const element = /(<(?:[\w.-]+:)?([A-Za-z_][\w.-]*)(?:\s[^<>]*)?>)(?:<!\[CDATA\[)?[^<]+/g
const hasManyParts = /authorization|cookie/i

/** The text without what is in elements of XML that have such a name. */
function withoutElements(text: string, isSecret: (name: string) => boolean): string {
  if (!text.includes('<')) return text
  return text.replace(element, (all, tag: string, name: string) => (isSecret(name) ? tag + redacted : all))
}

/** The text without the values that follow the names of secrets. */
function withoutNamed(text: string, isSecret: (name: string) => boolean): string {
  let result = ''
  let done = 0
  named.lastIndex = 0
  for (let match = named.exec(text); match !== null; match = named.exec(text)) {
    const [, name = ''] = match
    if (!isSecret(name) || sourceFile.test(name)) continue
    const value = valueAt(text, named.lastIndex, name)
    if (value === undefined) continue
    result += text.slice(done, value.start) + redacted
    done = value.end
    named.lastIndex = value.end
  }
  return done === 0 ? text : result + text.slice(done)
}

function valueAt(text: string, at: number, name: string): { readonly start: number; readonly end: number } | undefined {
  inQuotes.lastIndex = at
  const opening = inQuotes.exec(text)
  if (opening !== null) {
    const start = at + opening[0].length
    const closing = endOfQuoted(text, start, (opening[1] ?? '') + opening[2])
    return { start, end: closing }
  }
  if (text.startsWith(redacted, at)) return undefined
  if (text[at] === '[' || text[at] === '{') return { start: at, end: endOfNested(text, at) }
  const pattern = hasManyParts.test(name) ? wholeLine : bare
  pattern.lastIndex = at
  const found = pattern.exec(text)
  if (found === null) return undefined
  return { start: at, end: at + found[0].length }
}

/** Behind the bracket that closes a list or an object, or where the text ends. One in a string counts too, which may hide more. */
function endOfNested(text: string, start: number): number {
  let depth = 0
  for (let at = start; at < text.length; at++) {
    const character = text[at]
    if (character === '[' || character === '{') depth++
    else if ((character === ']' || character === '}') && --depth === 0) return at + 1
  }
  return text.length
}

/** Where the quote that closes is, or the text ends. Inside of a string, quotes are escaped once more. */
function endOfQuoted(text: string, start: number, quote: string): number {
  for (let at = text.indexOf(quote, start); at >= 0; at = text.indexOf(quote, at + 1)) {
    if (quote.length > 1 || text[at - 1] !== '\\') return at
  }
  return text.length
}
