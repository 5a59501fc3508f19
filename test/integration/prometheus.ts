// A Prometheus for tests: reads one page every 200 ms, is asked over its own API, and is stopped by its pid.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort, start } from '../examples/program.js'

/** A Prometheus that is the test's own. */
export interface PrometheusServer {
  /** What an expression gives now: the value of each series, by its labels. Rejects, in Prometheus' words, for one that is wrong. */
  query(expression: string): Promise<readonly Sample[]>
  /** As `query`, until there is something that will do. Rejects after 20 s. */
  queryUntil(expression: string, isEnough?: (samples: readonly Sample[]) => boolean): Promise<readonly Sample[]>
  stop(): Promise<void>
}

/** One series of an answer. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** Starts one that reads `http://127.0.0.1:<port>/metrics`, as the job `test`. */
export async function startPrometheus(target: number): Promise<PrometheusServer> {
  const folder = mkdtempSync(join(tmpdir(), 'tenon-prometheus-'))
  const config = join(folder, 'prometheus.yml')
  const scrape = [
    '  - job_name: test',
    '    scrape_interval: 200ms',
    '    scrape_timeout: 200ms',
    '    static_configs:',
    `      - targets: ["127.0.0.1:${target}"]`,
  ]
  writeFileSync(config, ['scrape_configs:', ...scrape, ''].join('\n'))
  const port = await freePort()
  const options = [`--config.file=${config}`, `--storage.tsdb.path=${folder}/data`]
  const program = start('prometheus', [...options, `--web.listen-address=127.0.0.1:${port}`])
  const query = async (expression: string): Promise<readonly Sample[]> => {
    const response = await fetch(`http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(expression)}`)
    const answer = (await response.json()) as Answer // its API, v1
    if (answer.status !== 'success') throw new Error(`${answer.error}: ${expression}`)
    return answer.data.result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }))
  }
  const stop = async (): Promise<void> => {
    await program.stop()
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    await program.waitFor(/Server is ready to receive web requests/)
  } catch (error) {
    await stop()
    throw error
  }
  return {
    query,
    stop,
    async queryUntil(expression, isEnough = samples => samples.length > 0) {
      let samples: readonly Sample[] = []
      for (let waitedMs = 0; waitedMs < 20_000; waitedMs += 100) {
        samples = await query(expression)
        if (isEnough(samples)) return samples
        await new Promise(resolve => setTimeout(resolve, 100))
      }
      throw new Error(`${expression} gave only ${JSON.stringify(samples)}`)
    },
  }
}

interface Answer {
  readonly status: string
  readonly error?: string
  readonly data: {
    readonly result: readonly {
      readonly metric: Readonly<Record<string, string>>
      readonly value: readonly [number, string]
    }[]
  }
}
