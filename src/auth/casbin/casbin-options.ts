// How policies are loaded, how long anything may take, and who is told.
import type { Enforcer } from 'casbin'
import {
  type Awaitable,
  type Clock,
  functionOption,
  numberOption,
  type OptionRules,
  objectOption,
  optional,
  systemClock,
} from '../../core/index.js'
import { checkedOptions } from '../../core/option-rules.js'

/** What becomes of a reload. */
export type CasbinEvent =
  /** New policies are in force, so many rules and links; `version` is theirs. */
  | { readonly type: 'reloaded'; readonly version: number; readonly policies: number }
  /** They could not be loaded, or may not come into force: the old ones stay, whose `version` it is. */
  | { readonly type: 'refused'; readonly version: number; readonly cause: unknown }

/** Options of {@link casbin}. */
export interface CasbinOptions {
  /**
   * Makes an enforcer with the policies as they are now. Called at the start and for each reload, never for a call; each time a new one,
   * which nobody changes afterwards.
   */
  readonly load: () => Promise<Enforcer>
  /** Looks at new policies before they come into force, and throws where they may not: "an admin can still log in". @defaultValue no more checks */
  readonly check?: (enforcer: Enforcer) => Awaitable<void>
  /** How long a decision may take, in ms; more than 0. The call's deadline bounds it, too. @defaultValue 1 000 */
  readonly timeoutMs?: number
  /** How long loading and checking may take together, in ms; more than 0. @defaultValue 10 000 */
  readonly loadTimeoutMs?: number
  /** Told what becomes of reloads. Never awaited; what it throws is reported as a defect. @defaultValue nobody */
  readonly onEvent?: (event: CasbinEvent) => void
  /** For `loadTimeoutMs`; decisions are on the call's clock. @defaultValue systemClock */
  readonly clock?: Clock
}

/** The options in force. */
export type CheckedOptions = Readonly<
  Required<Omit<CasbinOptions, 'check' | 'onEvent'>> & Pick<CasbinOptions, 'check' | 'onEvent'>
>

const rules: OptionRules<CasbinOptions> = {
  load: functionOption(),
  check: optional(functionOption()),
  timeoutMs: numberOption({ above: 0, fallback: 1_000 }),
  loadTimeoutMs: numberOption({ above: 0, fallback: 10_000 }),
  onEvent: optional(functionOption()),
  clock: objectOption<Clock>(['now', 'wallTime', 'setTimer'], systemClock),
}

/** Throws `TypeError` for an option that is none or is missing, and `RangeError` for a value out of range. */
export function checked(given: CasbinOptions): CheckedOptions {
  return checkedOptions('casbin', rules, { base: undefined, given }) as CheckedOptions // those with a default have a value
}
