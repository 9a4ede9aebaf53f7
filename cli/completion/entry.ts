import { describeCommand } from '../frame/command.ts'

export const completion = describeCommand({
  name: 'completion',
  summary: 'Prints the script that completes commands and options in a shell.',
  about: `Prints the script that completes commands and options in a shell. The script asks latchkey itself what may follow, \
so that it need not be made anew with another version. latchkey must be on the PATH.`,
  arguments: [{ name: 'shell', what: 'shell that reads it', choices: ['bash', 'zsh', 'fish'] }],
  options: {},
  examples: [
    'source <(latchkey completion bash)',
    'source <(latchkey completion zsh)',
    'latchkey completion fish | source',
  ],
})
