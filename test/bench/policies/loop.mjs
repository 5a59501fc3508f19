// The loop that makes the calls, and checks each response.

/** What does so many calls, one at a time. */
export function over(invoke, { requests, expected, read }) {
  return async calls => {
    for (let i = 0; i < calls; i++) {
      const request = requests[i & 1023]
      const response = read(await invoke(request), request)
      if (response !== expected(request)) throw new Error(`${JSON.stringify(request)} gave ${JSON.stringify(response)}`)
    }
  }
}
