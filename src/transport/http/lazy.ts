// Something made when first asked for, once.

export interface Lazy<T> {
  /** Undefined until it is made. */
  readonly value: T | undefined
  /** Undefined until it is asked for. */
  readonly pending: Promise<T> | undefined
  get(): Promise<T>
}

export function lazily<T>(make: () => Promise<T>): Lazy<T> {
  let value: T | undefined
  let making: Promise<T> | undefined
  return {
    get value() {
      return value
    },
    get pending() {
      return making
    },
    get() {
      making ??= make().then(made => {
        value = made
        return made
      })
      return making
    },
  }
}
