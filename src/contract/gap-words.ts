// Why a difference between two schemas breaks somebody, in words. The same difference reads differently in its two directions:
// of requests the new side is the stricter one, of responses the old.

/** How gaps are told: by whom the values are sent. */
export interface GapWords {
  /** A field that has to be there and need not be; `declared` where the sender knows it at all. */
  needed(declared: boolean): string
  /** A field that the receiver refuses. */
  refused(): string
  /** Fields beside the declared ones. */
  extras(): string
  types(sent: readonly string[] | undefined, read: readonly string[]): string
  /** Values of a closed list; `sent` undefined where it may be any. */
  values(sent: readonly string[] | undefined, read: readonly string[]): string
  /** Another keyword, as the sender and as the receiver have it. */
  keyword(name: string, sent: unknown, read: unknown): string
  nothing(): string
  ambiguous(): string
}

/** Old clients send, the new server reads. */
export const requestWords: GapWords = {
  needed: declared => (declared ? 'was optional and is required' : 'is new and required'),
  refused: () => 'is no longer accepted',
  extras: () => 'unknown fields were accepted and are refused',
  types: (sent, read) => `must now be ${read.join(' or ')}, and was ${sent?.join(' or ') ?? 'anything'}`,
  values: (sent, read) =>
    sent === undefined ? `must now be one of ${read.join(', ')}` : `${sent.join(', ')} is no longer accepted`,
  keyword: (name, sent, read) =>
    sent === undefined ? `${name} is now ${text(read)}` : `${name} was ${text(sent)} and is ${text(read)}`,
  nothing: () => 'is no longer accepted, whatever it is',
  ambiguous: () => 'fits several of the alternatives, of which it must fit one',
}

/** The new server sends, old clients read. */
export const responseWords: GapWords = {
  needed: declared => (declared ? 'was always there and is now optional' : 'was always there and is gone'),
  refused: () => 'is new, and old clients refuse fields that they do not know',
  extras: () => 'may now have unknown fields, which old clients refuse',
  types: (sent, read) => `may now be ${sent?.join(' or ') ?? 'anything'}, and was ${read.join(' or ')}`,
  values: (sent, read) =>
    sent === undefined
      ? `may now be anything, and was one of ${read.join(', ')}`
      : `may now be ${sent.join(', ')}, which old clients do not know`,
  keyword: (name, sent, read) =>
    sent === undefined ? `${name} was ${text(read)} and is gone` : `${name} was ${text(read)} and is ${text(sent)}`,
  nothing: () => 'may now be there, and never was',
  ambiguous: () => 'may now fit several of the alternatives, of which old clients want one',
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
