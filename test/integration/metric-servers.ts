// The servers that metrics are sent to, for tests: Etsy's statsd, Prometheus' exporter for statsd, which reads DogStatsD, Graphite's carbon,
// InfluxDB 1. Each on loopback, with its files in a
// folder of its own, stopped by its pid.
import { execFileSync } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort, type Program, start } from '../examples/program.js'
import { root } from '../repo/sources.js'
import { cached, freePorts, needFile } from './server-program.js'

/** A server that is the test's own. */
export interface MetricServer {
  readonly port: number
  readonly folder: string
  /** What it has printed. */
  output(): string
  /** Ends it at once; {@link again} starts it on the same port, with the same files. */
  kill(): Promise<void>
  again(): Promise<void>
  stop(): Promise<void>
}

interface Recipe {
  readonly name: string
  readonly ready: RegExp
  /** Writes what it needs into the folder; gives its command. */
  prepare(folder: string, port: number): Promise<readonly [command: string, ...args: string[]]>
}

async function started({ name, ready, prepare }: Recipe): Promise<MetricServer> {
  const folder = mkdtempSync(join(tmpdir(), `tenon-${name}-`))
  const port = await freePort()
  const [command, ...args] = await prepare(folder, port)
  let program: Program
  const run = async (): Promise<void> => {
    program = start(command, args)
    await program.waitFor(ready)
  }
  const stop = async (): Promise<void> => {
    await program.stop('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  }
  await run().catch(async error => {
    await stop()
    throw error
  })
  return {
    port,
    folder,
    output: () => program.output(),
    kill: async () => void (await program.stop('SIGKILL')),
    again: run,
    stop,
  }
}

/** Prints all that it knows every 200 ms. */
export async function startStatsd(): Promise<MetricServer> {
  const server = await started({
    name: 'statsd',
    ready: /server is up/,
    async prepare(folder, port) {
      const config = join(folder, 'config.js')
      const management = `mgmt_address: '127.0.0.1', mgmt_port: ${await freePort()}`
      const own = `port: ${port}, address: '127.0.0.1', flushInterval: 200, backends: ['./backends/console']`
      writeFileSync(config, `{ ${own}, ${management} }`)
      return [process.execPath, join(root, 'node_modules/statsd/stats.js'), config]
    },
  })
  // It says so before its socket is bound, and what comes before that is lost.
  const probe = createSocket('udp4')
  try {
    for (let sent = 0; !server.output().includes('tenon.probe') && sent < 400; sent++) {
      probe.send('tenon.probe:1|c', server.port, '127.0.0.1')
      await new Promise(resolve => setTimeout(resolve, 50))
    }
  } finally {
    probe.close()
  }
  return server
}

const statsdExporter = cached('statsd_exporter-0.28.0')

/** Skips a test where there is none, unless one must be there. */
export function needStatsdExporter(skip: (reason: string) => void): void {
  needFile(statsdExporter, skip)
}

/** Reads DogStatsD, with its tags, and tells what it has as a page for Prometheus. */
export async function startStatsdExporter(): Promise<MetricServer & { page(): Promise<string> }> {
  const [web = 0] = await freePorts(1)
  const server = await started({
    name: 'statsd-exporter',
    ready: /Accepting Prometheus Requests/,
    async prepare(_, port) {
      const listen = [`--statsd.listen-udp=127.0.0.1:${port}`, '--statsd.listen-tcp=']
      return [statsdExporter, `--web.listen-address=127.0.0.1:${web}`, ...listen]
    },
  })
  const page = async (): Promise<string> => (await fetch(`http://127.0.0.1:${web}/metrics`)).text()
  // It says so before it listens; the page comes last.
  for (let tries = 0; (await page().catch(() => undefined)) === undefined && tries < 400; tries++)
    await new Promise(resolve => setTimeout(resolve, 50))
  return { ...server, page }
}

/** Keeps a number a second. */
export function startCarbon(): Promise<MetricServer> {
  return started({
    name: 'carbon',
    ready: /starting on \d+|ServerFactory|CarbonLineReceiver/i,
    async prepare(folder, port) {
      mkdirSync(join(folder, 'conf'))
      const settings = {
        STORAGE_DIR: folder,
        CONF_DIR: join(folder, 'conf'),
        LOCAL_DATA_DIR: join(folder, 'whisper'),
        LOG_DIR: join(folder, 'log'),
        PID_DIR: folder,
        USER: '',
        MAX_CREATES_PER_MINUTE: 'inf',
        LINE_RECEIVER_INTERFACE: '127.0.0.1',
        LINE_RECEIVER_PORT: port,
        PICKLE_RECEIVER_INTERFACE: '127.0.0.1',
        PICKLE_RECEIVER_PORT: await freePort(),
        CACHE_QUERY_INTERFACE: '127.0.0.1',
        CACHE_QUERY_PORT: await freePort(),
        ENABLE_UDP_LISTENER: 'False',
        ENABLE_LOGROTATION: 'False',
        ENABLE_TAGS: 'False',
      }
      const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}`)
      writeFileSync(join(folder, 'conf/carbon.conf'), ['[cache]', ...lines, ''].join('\n'))
      writeFileSync(join(folder, 'conf/storage-schemas.conf'), '[all]\npattern = .*\nretentions = 1s:10m\n')
      return ['carbon-cache', `--config=${join(folder, 'conf/carbon.conf')}`, '--debug', 'start']
    },
  })
}

/** The numbers that carbon has kept of a metric; empty where there is none. */
export function keptByCarbon({ folder }: MetricServer, metric: string): readonly number[] {
  const file = join(folder, 'whisper', `${metric.replaceAll('.', '/')}.wsp`)
  try {
    const text = execFileSync('whisper-fetch', ['--drop=nulls', file], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    return text
      .trim()
      .split('\n')
      .filter(line => line !== '')
      .map(line => Number(line.split('\t')[1]))
  } catch {
    return []
  }
}

/** Has a database `shop`. */
export async function startInflux(): Promise<MetricServer> {
  const server = await started({
    name: 'influx',
    ready: /Listening on HTTP/,
    async prepare(folder, port) {
      const given = execFileSync('influxd', ['config'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
      const config = given
        .replaceAll(/"[^"]*\/(meta|data|wal)"/g, (_, kind) => `"${folder}/${kind}"`)
        .replace(/bind-address = "127.0.0.1:8088"/, `bind-address = "127.0.0.1:${await freePort()}"`)
        .replace(/bind-address = ":8086"/, `bind-address = "127.0.0.1:${port}"`)
        .replace('reporting-disabled = false', 'reporting-disabled = true')
        .replace(/(\[monitor\]\n\s*store-enabled = )true/, '$1false')
      writeFileSync(join(folder, 'influx.conf'), config)
      return ['influxd', 'run', '-config', join(folder, 'influx.conf')]
    },
  })
  await queryInflux(server, 'CREATE DATABASE shop', 'POST')
  return server
}

/** The rows that InfluxDB gives, by the names of their columns. */
export async function queryInflux(
  { port }: MetricServer,
  query: string,
  method: 'GET' | 'POST' = 'GET',
): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const response = await fetch(`http://127.0.0.1:${port}/query?db=shop&q=${encodeURIComponent(query)}`, { method })
  const { results } = (await response.json()) as InfluxAnswer // its API, 1.x
  const [{ series = [], error = undefined } = {}] = results
  if (error !== undefined) throw new Error(error)
  return series.flatMap(({ columns, values, tags }) =>
    values.map(row => ({ ...tags, ...Object.fromEntries(columns.map((column, i) => [column, row[i]])) })),
  )
}

interface InfluxAnswer {
  readonly results: readonly {
    readonly error?: string
    readonly series?: readonly {
      readonly columns: readonly string[]
      readonly values: readonly (readonly unknown[])[]
      readonly tags?: Readonly<Record<string, string>>
    }[]
  }[]
}
