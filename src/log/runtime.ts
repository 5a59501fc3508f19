// What of the runtime this folder uses, found through `globalThis`, so that it loads in a browser too.
import type { writeSync } from 'node:fs'

/** What lines are written to, one by one. */
export interface Stdout {
  readonly isTTY?: boolean
  write(text: string): unknown
  on(event: 'error', listener: (error: unknown) => void): unknown
}

/** What Node has of a process; other runtimes have less, and browsers none. */
interface Process {
  readonly stdout?: Stdout
  readonly stderr?: unknown
  readonly env?: { readonly NO_COLOR?: string }
  getBuiltinModule?(name: 'node:fs'): { readonly writeSync: typeof writeSync } | undefined
  on?(event: string, listener: () => void): unknown
  off?(event: string, listener: () => void): unknown
  prependListener?(event: string, listener: () => void): unknown
  listenerCount?(event: string): number
  exit?(code: number): never
}

/** The process, where there is one. */
export const runtime: Process | undefined = (globalThis as { readonly process?: Process }).process // whatever there is has these types

/** Writes bytes or text to a file descriptor, where there are such. */
export function descriptorWriter(): typeof writeSync | undefined {
  return runtime?.getBuiltinModule?.('node:fs')?.writeSync
}
