import { defineConfig } from 'vitest/config'

// What main.ts says holds the files in question. No long properties: what a mutant changes, a test of a sentence tells.
export default defineConfig({
  test: {
    include: (process.env.MUTATION_TESTS ?? '').split(','),
    exclude: ['**/*.thorough.test.ts'],
    isolate: false,
    testTimeout: 30_000,
  },
})
