// The browser that pages are tested in.
import { existsSync } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'

const program = '/usr/bin/chromium'
const isRequired = process.env['TENON_REQUIRE_SERVERS'] === '1'
const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** Whether there is one; true as well where one must be there. */
export const hasChromium: boolean = existsSync(program) || isRequired

/** Skips a test where there is none, unless one must be there. */
export function needChromium(skip: (reason: string) => void): void {
  if (!hasChromium) skip(`there is no ${program}`)
}

export function launchChromium(): Promise<Browser> {
  return chromium.launch({ executablePath: program, headless: true, args: flags })
}
