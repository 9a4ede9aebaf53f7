import { defineConfig } from 'vitest/config'

/** What main.ts changes, and what it says holds that. */
const { files, tests } = JSON.parse(process.env.MUTATION_OF ?? '{}') as { files?: string[]; tests?: string[] }

// No long properties: what a mutant changes, a test of a sentence tells.
export default defineConfig({
  test: {
    include: tests ?? [],
    exclude: ['**/*.thorough.test.ts'],
    // Loaded before the first test: what is made while a module loads would count as covered by the test that loads it late,
    // and that one alone would be asked about a change of it.
    setupFiles: files ?? [],
    isolate: false,
    testTimeout: 30_000,
  },
})
