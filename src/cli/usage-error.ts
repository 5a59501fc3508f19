// A mistake of whoever typed the command: told in one line, without a stack.

/** The message is for people; it follows `tenon: `. */
export class UsageError extends Error {}
