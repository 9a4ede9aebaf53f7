// A whole operator that leads without asking: two of these at once are two leaders.
import { runOperator } from '../../../operator/run-operator.ts'
import { createKubeClient } from '../../../platform/kube/client.ts'
import { loadKubeConnection } from '../../../platform/kube/connection.ts'
import { configOf, testLog } from './cluster.ts'

const [kubeconfig = ''] = process.argv.slice(2)
const client = createKubeClient(loadKubeConnection({ kubeconfig }))
await runOperator({ client, config: configOf({ podName: `operator-${process.pid}` }), log: testLog() })
process.send?.('running')
