/**
 * Hashes on this thread. The web's are worked out by others, which a manual clock does not wait for: how far a call had come when the
 * clock moved on would be another thing in each run.
 */
import { createHash } from 'node:crypto'
import { vi } from 'vitest'

/** `crypto.subtle.digest` hashes at once until the test ends: for `beforeEach`. */
export function hashPromptly(): void {
  vi.spyOn(crypto.subtle, 'digest').mockImplementation(async (_, data) => {
    const bytes = ArrayBuffer.isView(data) ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : data
    return new Uint8Array(createHash('sha256').update(new Uint8Array(bytes)).digest()).buffer
  })
}
