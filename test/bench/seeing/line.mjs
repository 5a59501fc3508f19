// What a line says, the same for all.

export const traceId = '0af7651916cd43dd8448eb211c80319c'

export const fields = ({ n }) => ({ code: 'ok', tookMs: n / 1_000, attempt: 1, traceId })
