import type { Plugin } from 'esbuild'

/** Parts of dependencies that load at start and that nothing here uses; each brings modules of Node that cost memory. */
const unused = [
  // Metrics of many processes in one, and metrics that are pushed: with node:cluster, https and zlib.
  /node_modules\/prom-client\/lib\/(cluster|pushgateway)\.js$/,
  // Which trace a sample belongs to, as a metric may tell; OpenTelemetry where we use it ourselves is another file.
  /node_modules\/@opentelemetry\/api\/dist\/index\.cjs$/,
  // Log lines written by a thread of their own: with node:worker_threads.
  /node_modules\/pino\/lib\/(transport|multistream)\.js$/,
  // How client-node would send requests. We read kubeconfigs with it and send our own; undici does not load on Node 20,
  // which people may have.
  /node_modules\/undici\/index\.js$/,
]

/** Leaves out of a bundle what is unused. Calling it would be a mistake, and says so. */
export const leftOut: Plugin = {
  name: 'left-out',
  setup(build) {
    for (const filter of unused) {
      build.onLoad({ filter }, () => ({
        contents:
          "module.exports = function () { throw new Error('left out of the bundle: see bundling/left-out.ts') }",
      }))
    }
  },
}
