/**
 * Where failure reasons are written: in `src/core/reasons.ts`, in the table of `docs/failures.md`, and as literals in code.
 * A reason is what users match on and search for, so one that is missing from the table does not exist for them.
 */
import ts from 'typescript'
import { nodesOf, type Source } from './sources.js'

/** The file that declares them: `export const reasons = { DEADLINE_EXCEEDED: …, … }`. */
export const reasonsFile = 'core/reasons.ts'

/**
 * UPPER_SNAKE literals in src that are no reasons, each with what it is instead.
 * Codes of Node and of undici (`ERR_…`, `UND_ERR_…`) need no row.
 */
export const otherUpperSnake: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: 'the HTTP parser of Node',
  EAI_AGAIN: 'getaddrinfo',
  CERT_HAS_EXPIRED: 'OpenSSL',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'OpenSSL',
  SELF_SIGNED_CERT_IN_CHAIN: 'OpenSSL',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'OpenSSL',
}

const upperSnake = /^[A-Z][A-Z0-9]*(_[A-Z0-9]+)+$/
const foreignCode = /^(UND_)?ERR_/

/** The first column of the table: rows like "| `DEADLINE_EXCEEDED` | …". */
export function documentedReasons(markdown: string): readonly string[] {
  return [...markdown.matchAll(/^\| *`([A-Z][A-Z0-9_]*)` *\|/gm)].map(([, reason = '']) => reason)
}

/**
 * Literals that are used as a reason: everything in UPPER_SNAKE, and one-word ones where the property is called `reason`.
 * `reasons.TIMEOUT` counts as well.
 */
export function usedReasons(sources: readonly Source[]): ReadonlyMap<string, string> {
  const used = new Map<string, string>()
  for (const { path, tree } of sources) {
    if (path === reasonsFile) continue
    for (const node of nodesOf(tree)) {
      const reason = reasonIn(node)
      if (reason !== undefined && !Object.hasOwn(otherUpperSnake, reason)) used.set(reason, path)
    }
  }
  return used
}

function reasonIn(node: ts.Node): string | undefined {
  if (ts.isPropertyAccessExpression(node) && node.expression.getText() === 'reasons') return node.name.text
  if (!ts.isStringLiteralLike(node)) return undefined
  if (upperSnake.test(node.text) && !foreignCode.test(node.text)) return node.text
  const isReasonProperty = ts.isPropertyAssignment(node.parent) && node.parent.name.getText() === 'reason'
  return isReasonProperty && /^[A-Z][A-Z0-9]*$/.test(node.text) ? node.text : undefined
}
