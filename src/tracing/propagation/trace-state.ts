// The list that travels beside `traceparent`, for what tracing systems tell themselves (W3C Trace Context, level 2, section 3.3).
// All or nothing: of a list with one wrong member nothing is known, since its order means something.

/** The most members of a list. */
const maxMembers = 32
/** How long a list may be before it is cut; the specification has everybody pass on as much. */
const maxLength = 512
/** Members that are longer go first when a list is cut. */
const longMember = 128

const keyRule = /^(?:[a-z0-9][a-z0-9_\-*/]{0,255}|[a-z0-9][a-z0-9_\-*/]{0,240}@[a-z][a-z0-9_\-*/]{0,13})$/
const valueRule = /^[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/

/** A list as it may be sent on: without blanks and empty members. Undefined for one that breaks the rules, or that is empty. */
export function toTraceState(header: string): string | undefined {
  const members = new Map<string, string>()
  for (const text of header.split(',')) {
    const member = withoutBlanks(text)
    if (member === '') continue
    const equals = member.indexOf('=')
    const key = member.slice(0, equals)
    if (equals < 1 || members.has(key) || members.size === maxMembers) return undefined
    if (!keyRule.test(key) || !valueRule.test(member.slice(equals + 1))) return undefined
    members.set(key, member)
  }
  return members.size === 0 ? undefined : [...members.values()].join(',')
}

/** The value of a key in a list that {@link toTraceState} or {@link withTraceState} made. */
export function traceStateValue(state: string | undefined, key: string): string | undefined {
  const member = state?.split(',').find(each => each.startsWith(`${key}=`))
  return member?.slice(key.length + 1)
}

/**
 * The list with a member put at its left, where what was changed last belongs; what the key had before is gone, and so is the
 * member at the right of a list of 32. Throws `RangeError` for a key or a value that the list cannot hold.
 */
export function withTraceState(state: string | undefined, key: string, value: string): string {
  if (!keyRule.test(key)) throw new RangeError(`withTraceState: ${JSON.stringify(key.slice(0, 40))} cannot be a key`)
  if (!valueRule.test(value)) throw new RangeError(`withTraceState: the value of '${key}' cannot be sent`)
  const others = (state?.split(',') ?? []).filter(each => each !== '' && !each.startsWith(`${key}=`))
  return [`${key}=${value}`, ...others.slice(0, maxMembers - 1)].join(',')
}

/** The list, cut to 512 characters: first members of more than 128, then what is at the right, as the specification says. */
export function cutTraceState(state: string): string {
  if (state.length <= maxLength) return state
  const members = state.split(',')
  let length = state.length
  for (const isLong of [true, false]) {
    for (let at = members.length - 1; at >= 0 && length > maxLength; at--) {
      const member = members[at] ?? ''
      if (isLong && member.length <= longMember) continue
      members.splice(at, 1)
      length -= member.length + 1
    }
  }
  return members.join(',')
}

/** Without spaces and tabs around it: HTTP's optional white space, and no other. */
export function withoutBlanks(text: string): string {
  let [from, to] = [0, text.length]
  while (from < to && isBlank(text.charCodeAt(from))) from++
  while (to > from && isBlank(text.charCodeAt(to - 1))) to--
  return from === 0 && to === text.length ? text : text.slice(from, to)
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09
}
