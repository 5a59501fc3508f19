/** A transport without a network, and the diary of what happened when, in which tests of the lifecycle read their results. */
import type { Listening, ServerBinding } from 'tenon/contract'
import type { ManualClock } from 'tenon/core'
import type { LifecycleEvent } from 'tenon/lifecycle'

/** Lines such as `5000 http drains`: the time on the clock, and what happened. */
export interface Diary {
  readonly lines: readonly string[]
  note(what: string): void
  /** An `onEvent`. */
  readonly event: (event: LifecycleEvent) => void
}

export function diary(clock: ManualClock): Diary {
  const lines: string[] = []
  const note = (what: string) => void lines.push(`${clock.now()} ${what}`)
  return { lines, note, event: event => note(textOf(event)) }
}

function textOf({ type, ...fields }: LifecycleEvent): string {
  const values = Object.values(fields).map(value => (value instanceof Error ? value.message : String(value)))
  return [`[${type}]`, ...values].join(' ')
}

export interface FakeOptions {
  /** How long its calls in flight take to end once it drains. */
  readonly callsMs?: number
  /** How its drain and its close end instead. */
  readonly drain?: 'hangs' | 'rejects' | 'throws'
  readonly close?: 'hangs' | 'rejects'
  /** What it rejects with instead of listening; or that it does so, or listens, only after a time. */
  readonly refuses?: Error
  readonly listensAfterMs?: number
}

export function fakeBinding(name: string, into: Diary, clock: ManualClock, options: FakeOptions = {}): ServerBinding {
  const { callsMs = 0, drain, close, refuses, listensAfterMs = 0 } = options
  const after = (ms: number) => new Promise<void>(resolve => void clock.setTimer(resolve, ms))
  const listening: Listening = {
    addresses: [`${name}://here`],
    drain() {
      into.note(`${name} drains`)
      if (drain === 'throws') throw new Error('drain threw')
      if (drain === 'rejects') return Promise.reject(new Error('drain rejected'))
      return drain === 'hangs' ? new Promise(() => {}) : after(callsMs)
    },
    async close() {
      into.note(`${name} closes`)
      if (close === 'rejects') throw new Error('close rejected')
      if (close === 'hangs') await new Promise(() => {})
    },
  }
  return {
    name,
    async listen() {
      if (listensAfterMs > 0) await after(listensAfterMs)
      if (refuses !== undefined) throw refuses
      return listening
    },
  }
}
