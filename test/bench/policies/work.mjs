// The business behind the policies, the same for all: asynchronous, and next to nothing.

export const requests = Array.from({ length: 1024 }, (_, n) => ({ n, key: `key ${n}` }))

export const handler = async request => request.n + 1

export const expected = request => request.n + 1
