import { clusterOptions } from '../frame/cluster.ts'
import { describeCommand } from '../frame/command.ts'
import { outputOption } from '../frame/output.ts'

export const version = describeCommand({
  name: 'version',
  summary: 'Prints the version, and, when asked, that of the cluster.',
  options: {
    cluster: { what: "the API server's version too" },
    kubeconfig: { ...clusterOptions.kubeconfig, needs: ['cluster'] },
    context: { ...clusterOptions.context, needs: ['cluster'] },
    output: outputOption('text', 'json', 'yaml'),
  },
  examples: ['latchkey version', 'latchkey version --cluster --context staging -o json'],
})
