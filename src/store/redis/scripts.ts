// What has to happen at once, as Lua: Redis runs a script alone. Sent by its hash, and whole only where Redis does not know it
// (at first, after a restart, after SCRIPT FLUSH).
import { createHash } from 'node:crypto'

/** A script and the name that Redis has for it. */
export interface Script {
  readonly text: string
  readonly sha: string
}

function script(text: string): Script {
  return { text, sha: createHash('sha1').update(text).digest('hex') }
}

/** ARGV: whether there must be a value, the value, whether one is put there, the new value, its time in ms. */
export const compareAndSet: Script = script(`
local found = redis.call('GET', KEYS[1])
if ARGV[1] == '0' then
  if found then return 0 end
elseif found ~= ARGV[2] then
  return 0
end
if ARGV[3] == '0' then
  redis.call('DEL', KEYS[1])
else
  redis.call('SET', KEYS[1], ARGV[4], 'PX', ARGV[5])
end
return 1
`)

/**
 * {@link Gcra} in microseconds of Redis' own clock, which is the same for all processes, whatever theirs say.
 * ARGV: the interval between calls in µs, the burst. Gives: allowed, remaining, and both times in µs.
 */
export const take: Script = script(`
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local interval = tonumber(ARGV[1])
local burst = tonumber(ARGV[2])
local was = tonumber(redis.call('GET', KEYS[1]) or now)
local full = math.min(math.max(was, now), now + burst * interval)
local wait = full + interval - burst * interval - now
local allowed = wait <= 0.001
if allowed then full = full + interval end
if allowed or full < was then
  local ttl = math.max(1, math.ceil((full - now) / 1000))
  redis.call('SET', KEYS[1], string.format('%.17g', full), 'PX', string.format('%.0f', ttl))
end
if not allowed then
  return {0, 0, math.ceil(wait), math.ceil(full - now)}
end
return {1, math.max(0, math.floor((0.001 - wait) / interval)), 0, math.ceil(full - now)}
`)
