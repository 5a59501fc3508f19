// The loop that makes the calls, and checks each response.

/** What does so many calls, one at a time. */
export function over(invoke, { requests, expected, read }) {
  let next = 0
  return async calls => {
    for (let i = 0; i < calls; i++) {
      const request = requests[next]
      next = next + 1 === requests.length ? 0 : next + 1
      const response = read(await invoke(request), request)
      if (response !== expected(request)) throw new Error(`${JSON.stringify(request)} gave ${JSON.stringify(response)}`)
    }
  }
}
