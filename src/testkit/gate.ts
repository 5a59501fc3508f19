// How a case waits for what the other side does: by an event where there is one, by a bounded look where there is none.
// Real time only bounds waits from above, since a transport with a network beneath cannot run on a manual clock.

/** Something that happens once. */
export interface Gate<T> {
  /** Resolves when it has happened. */
  readonly opened: Promise<T>
  /** It happens; a second time changes nothing. */
  open(value: T): void
}

export function gate<T = void>(): Gate<T> {
  let open: (value: T) => void = () => {}
  const opened = new Promise<T>(resolve => {
    open = resolve
  })
  return { opened, open }
}

/** Resolves with the reason when the signal aborts. */
export function aborted(signal: AbortSignal): Promise<unknown> {
  if (signal.aborted) return Promise.resolve(signal.reason)
  return new Promise(resolve => {
    signal.addEventListener('abort', () => resolve(signal.reason), { once: true })
  })
}

/** The outcome of `promise`; rejects where it takes longer than `limitMs`. */
export async function within<T>(limitMs: number, what: string, promise: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${limitMs} ms`)), limitMs)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

/** Resolves when `read` has given the same number for a while, or `enough` at least. */
export async function standstill(read: () => number, enough: number): Promise<void> {
  let before = read()
  for (let same = 0; same < 20 && before < enough; same++) {
    await pause(5)
    const now = read()
    if (now !== before) same = 0
    before = now
  }
}

/** Lets everything else run for a while. */
export function pause(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}
