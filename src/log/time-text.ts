// The time of a line as text. Lines come in bursts: what the one before had is mostly still right.

let lastTime = Number.NaN
let lastText = ''
let lastSecond = Number.NaN
let upToSecond = ''

/** RFC 3339, in UTC. */
export function timeText(time: number): string {
  if (time === lastTime) return lastText
  const second = Math.floor(time / 1_000)
  if (second !== lastSecond) {
    const text = wholeText(time)
    if (!(time >= 0) || text.length !== 24) return text // before 1970, after 9999, no time at all
    lastSecond = second
    upToSecond = text.slice(0, 20)
  }
  lastTime = time
  lastText = `${upToSecond}${String(1_000 + Math.floor(time - second * 1_000)).slice(1)}Z`
  return lastText
}

function wholeText(time: number): string {
  const date = new Date(time)
  return Number.isNaN(date.getTime()) ? String(time) : date.toISOString()
}
