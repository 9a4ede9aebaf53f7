import { afterAll, beforeAll } from 'vitest'
import type { RunningOperator } from '../../../operator/run-operator.ts'
import type { Metrics } from '../../../platform/metrics.ts'
import { startTestCluster, type TestCluster } from './cluster.ts'

/** A cluster for all tests of a file, with an operator at work. It is there once they begin. */
export function clusterWithOperator(
  options: { controllerManager?: boolean; metrics?: Metrics } = {},
): Pick<TestCluster, 'plane' | 'client' | 'namespace'> {
  let cluster: TestCluster
  let operator: RunningOperator
  beforeAll(async () => {
    cluster = await startTestCluster(options)
    operator = await cluster.start({}, options.metrics)
  })
  afterAll(async () => {
    await operator?.stop()
    await cluster?.stop()
  })
  return {
    get plane() {
      return cluster.plane
    },
    get client() {
      return cluster.client
    },
    namespace: labels => cluster.namespace(labels),
  }
}
