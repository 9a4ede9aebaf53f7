import { defineConfig } from 'vitest/config'

// What is waited for has this long, milliseconds: a machine that stands still for a second fails nothing.
const expect = { poll: { timeout: 15_000 } }
const patience = { testTimeout: 30_000, expect }

// Fast first: `unit` needs nothing but Node. So does `thorough`, the unit tests that take long (properties, inputs of full
// size), which `npm run check` leaves out; and `guard`, which talks to running guards through raw sockets. `integration`
// starts etcd and kube-apiserver; `e2e` needs the running cluster; `soak`, not part of `make test`, takes long;
// what of it needs the cluster starts it.
export default defineConfig({
  test: {
    globalSetup: ['test/temporary-folder.ts'],
    projects: [
      // One module graph for all files of a worker: importing it anew for each costs more than the tests.
      {
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts'],
          exclude: ['**/*.thorough.test.ts'],
          isolate: false,
          maxWorkers: 2,
          ...patience,
        },
      },
      {
        test: {
          name: 'thorough',
          include: ['test/unit/**/*.thorough.test.ts'],
          isolate: false,
          maxWorkers: 2,
          ...patience,
        },
      },
      { test: { name: 'guard', include: ['test/guard/**/*.test.ts'], isolate: false, maxWorkers: 2, ...patience } },
      {
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          globalSetup: ['test/integration/end-control-planes.ts'],
          // A worker keeps its control plane from file to file.
          isolate: false,
          testTimeout: 60_000,
          hookTimeout: 120_000,
          maxWorkers: 2,
          expect,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          testTimeout: 180_000,
          hookTimeout: 300_000,
          fileParallelism: false,
          expect,
        },
      },
      {
        test: {
          name: 'soak',
          include: ['test/soak/**/*.test.ts'],
          globalSetup: ['test/integration/end-control-planes.ts'],
          testTimeout: 600_000,
          hookTimeout: 300_000,
          fileParallelism: false,
          passWithNoTests: true,
          expect,
        },
      },
    ],
  },
})
