// SPDX-License-Identifier: Apache-2.0

/// What makes a shell ask the program: short, because the program knows everything else.
enum CompletionScript {
    static func text(_ shell: CompletionsCommand.Shell) -> String {
        switch shell {
        case .bash: bash
        case .zsh: zsh
        case .fish: fish
        }
    }

    private static let bash = #"""
        #!/bin/bash
        # Completion of kecsctl for bash. The program itself says what fits.

        _kecsctl() {
            local program=${COMP_WORDS[0]/#\~\//$HOME/} kind='' line
            type -P "$program" >/dev/null || program=kecsctl
            COMPREPLY=()
            while IFS= read -r line; do
                if [[ -z $kind ]]; then kind=$line; else COMPREPLY+=("$line"); fi
            done < <("$program" __complete bash "$COMP_CWORD" "$2" "${COMP_WORDS[@]}" 2>/dev/null)
            case $kind in
            files) compopt -o default ;;
            folders) compopt -o dirnames ;;
            esac
        }

        complete -o nosort -F _kecsctl kecsctl

        """#

    private static let zsh = #"""
        #compdef kecsctl
        # Completion of kecsctl for zsh. The program itself says what fits.

        _kecsctl() {
            local program=${${(Q)words[1]}/#\~\//$HOME/} kind
            local -a answer offers
            whence -p -- "$program" >/dev/null || program=kecsctl
            answer=("${(@f)$("$program" __complete zsh $((CURRENT - 1)) "${(Q)PREFIX}" "${(@Q)words}" 2>/dev/null)}")
            kind=$answer[1]
            offers=("${(@)answer[2,-1]}")
            [[ $kind == words || $PREFIX != --*=* ]] || compset -P '*='
            case $kind in
            words) (( $#offers )) && _describe -V 'kecsctl' offers ;;
            files) _files ;;
            folders) _files -/ ;;
            esac
        }

        if [[ $funcstack[1] == _kecsctl ]]; then
            _kecsctl "$@"
        else
            compdef _kecsctl kecsctl
        fi

        """#

    private static let fish = #"""
        # Completion of kecsctl for fish. The program itself says what fits.

        function __kecsctl_offers
            set -l before (commandline -opc)
            set -l current (commandline -ct)
            set -l program $before[1]
            type -q "$program"; or set program kecsctl
            set -l answer ($program __complete fish (count $before) "$current" $before "$current" 2>/dev/null)
            set -l glue (string match -r '^--[^=]*=' -- "$current")
            set -l value (string replace -r '^--[^=]*=' '' -- "$current")
            switch "$answer[1]"
                case words
                    test (count $answer) -gt 1; and printf '%s\n' $answer[2..]
                case files
                    __fish_complete_path "$value" | string replace -r -- '^' "$glue"
                case folders
                    __fish_complete_directories "$value" '' | string replace -r -- '^' "$glue"
            end
        end

        complete -c kecsctl -e
        complete -c kecsctl -k -f -a '(__kecsctl_offers)'

        """#
}
