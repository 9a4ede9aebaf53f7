import type { CommandIo, Given } from '../frame/command.ts'
import type { Outcome } from '../frame/exit-codes.ts'

/**
 * What each shell is told. The words come from `latchkey __complete`, one a line with its meaning behind a tab; `:files`
 * means that a path is wanted.
 */
const scripts: Readonly<Record<string, string>> = {
  bash: `_latchkey() {
  local line
  COMPREPLY=()
  while IFS= read -r line; do
    if [[ $line == :files ]]; then
      compopt -o default 2>/dev/null
    else
      COMPREPLY+=("\${line%%$'\\t'*}")
    fi
  done < <(latchkey __complete "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _latchkey latchkey
`,
  zsh: `#compdef latchkey
_latchkey() {
  local line
  local -a found
  for line in "\${(@f)$(latchkey __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
    if [[ $line == :files ]]; then
      _files
      return
    fi
    [[ -n $line ]] && found+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}")
  done
  _describe latchkey found
}
compdef _latchkey latchkey
`,
  fish: `function __latchkey_complete
    set -l words (commandline -opc) (commandline -ct)
    latchkey __complete $words[2..-1] 2>/dev/null
end
complete -c latchkey -f -n 'not __latchkey_complete | string match -q :files' -a '(__latchkey_complete)'
complete -c latchkey -F -n '__latchkey_complete | string match -q :files'
`,
}

export async function printScript({ arguments: [shell = ''] }: Given, io: CommandIo): Promise<Outcome> {
  io.write(scripts[shell] ?? '')
  return 'ok'
}
