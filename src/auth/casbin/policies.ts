// What casbin takes for a policy and should not. It compares a field that a line lacks with whatever a request has in its place, nothing
// included, and reads an effect that is misspelt as none: both open what was to be closed, or close nothing.
import type { Assertion, Enforcer } from 'casbin'

/** What there is. */
export interface Measured {
  /** Rules and links. */
  readonly policies: number
  /** How many values a request has. */
  readonly size: number
}

/** Looks at all of them. Throws `TypeError` for those that do not say what they seem to. */
export function measured(enforcer: Enforcer): Measured {
  if (typeof enforcer?.enforce !== 'function' || typeof enforcer.getModel !== 'function')
    throw new TypeError('casbin: load gave no enforcer')
  const { model } = enforcer.getModel()
  const rules = [...(model.get('p')?.values() ?? [])]
  const links = [...(model.get('g')?.values() ?? [])]
  for (const assertion of rules) checkRules(assertion)
  for (const assertion of links) checkLinks(assertion)
  const policies = [...rules, ...links].reduce((sum, { policy }) => sum + policy.length, 0)
  return { policies, size: model.get('r')?.get('r')?.tokens.length ?? 0 }
}

function checkRules({ key, tokens, policy }: Assertion): void {
  const effect = tokens.indexOf(`${key}_eft`)
  for (const fields of policy) {
    if (fields.length !== tokens.length)
      throw new TypeError(`casbin: '${lineOf(key, fields)}' has ${fields.length} fields, the model ${tokens.length}`)
    const said = fields[effect]
    if (said !== undefined && said !== 'allow' && said !== 'deny')
      throw new TypeError(`casbin: '${lineOf(key, fields)}' has the effect '${said}', which is none`)
  }
}

// In a model, `_, _` stands for the fields of a link; what follows them belongs to conditions.
function checkLinks({ key, value, policy }: Assertion): void {
  const least = value.split('_').length - 1
  const short = policy.find(fields => fields.length < least || fields.some(field => field === ''))
  if (short !== undefined) throw new TypeError(`casbin: '${lineOf(key, short)}' lacks a field, the model has ${least}`)
}

function lineOf(key: string, fields: readonly string[]): string {
  return [key, ...fields].join(', ')
}
