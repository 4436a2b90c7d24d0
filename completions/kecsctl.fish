function __kecsctl_should_offer_completions_for_flags_or_options -a expected_commands
    set -l non_repeating_flags_or_options $argv[2..]
    set -l non_repeating_flags_or_options_absent 0
    set -l positional_index 0
    set -l commands
    __kecsctl_parse_tokens
    test "$commands" = "$expected_commands"; and return $non_repeating_flags_or_options_absent
end

function __kecsctl_should_offer_completions_for_positional -a expected_commands positional_index_comparison expected_positional_index
    set -l non_repeating_flags_or_options
    set -l non_repeating_flags_or_options_absent 0
    set -l positional_index 0
    set -l commands
    __kecsctl_parse_tokens
    test "$commands" = "$expected_commands" -a \( "$positional_index" "$positional_index_comparison" "$expected_positional_index" \)
end

function __kecsctl_parse_tokens -S
    set -l unparsed_tokens (__kecsctl_tokens -pc)
    switch $unparsed_tokens[1]
    case 'kecsctl'
        __kecsctl_parse_subcommand 0 'version' 'h/help'
        switch $unparsed_tokens[1]
        case 'completions'
            __kecsctl_parse_subcommand 1 'home=' 'o/output=' 'q/quiet' 'v/verbose' 'log-format=' 'timeout=' 'no-color' 'version' 'h/help'
        case 'help'
            __kecsctl_parse_subcommand -r 1 'version'
        end
    end
end

function __kecsctl_tokens
    if test (string split -m 1 -f 1 -- . "$FISH_VERSION") -gt 3
        commandline --tokens-raw $argv
    else
        commandline -o $argv
    end
end

function __kecsctl_parse_subcommand -S -a positional_count
    argparse -s r -- $argv
    set -l option_specs $argv[2..]
    set -l is_repeating_positional $_flag_r
    set -el _flag_r
    set -a commands $unparsed_tokens[1]
    set positional_index 0
    while true
        set -e unparsed_tokens[1]
        argparse -sn "$commands" $option_specs -- $unparsed_tokens 2> /dev/null
        set unparsed_tokens $argv
        set positional_index (math $positional_index + 1)
        for non_repeating_flag_or_option in $non_repeating_flags_or_options
            if set -ql "_flag_$(string replace -a - _ -- $non_repeating_flag_or_option)"
                set non_repeating_flags_or_options_absent 1
                break
            end
        end
        test (count $unparsed_tokens) -eq 0 -o \( -z "$is_repeating_positional" -a "$positional_index" -gt "$positional_count" \) && break
    end
end

function __kecsctl_complete_directories
    set -l token (commandline -t)
    string match -- '*/' $token
    set -l subdirs $token*/
    printf %s\n $subdirs
end

function __kecsctl_custom_completion
    set -x SAP_SHELL fish
    set -x SAP_SHELL_VERSION $FISH_VERSION
    set -l tokens (__kecsctl_tokens -p)
    if test -z "$(__kecsctl_tokens -t)"
        set -l index (count (__kecsctl_tokens -pc))
        set tokens $tokens[..$index] \'\' $tokens[(math $index + 1)..]
    end
    command $tokens[1] $argv $tokens
end

complete -c 'kecsctl' -f
complete -c 'kecsctl' -n '__kecsctl_should_offer_completions_for_flags_or_options "kecsctl" version' -l 'version' -d 'Show the version.'
complete -c 'kecsctl' -n '__kecsctl_should_offer_completions_for_flags_or_options "kecsctl" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'kecsctl' -n '__kecsctl_should_offer_completions_for_positional "kecsctl" -eq 1' -fa 'completions' -d 'Print the completion script of a shell; it completes names of instances too.'
complete -c 'kecsctl' -n '__kecsctl_should_offer_completions_for_positional "kecsctl" -eq 1' -fa 'help' -d 'Show subcommand help information.'
complete -c 'kecsctl' -n '__kecsctl_should_offer_completions_for_positional "kecsctl completions" -eq 1' -fka 'bash zsh fish'
complete -c 'kecsctl' -n '__kecsctl_should_offer_completions_for_flags_or_options "kecsctl completions" home' -l 'home' -d 'Where everything lives; else $KECS_HOME, else ~/.kecs.' -rfa '(__kecsctl_complete_directories)'
complete -c 'kecsctl' -n '__kecsctl_should_offer_completions_for_flags_or_options "kecsctl completions" o output' -l 'output' -s 'o' -d 'The form of the answer on standard output.' -rfka 'table json yaml name'
complete -c 'kecsctl' -n '__kecsctl_should_offer_completions_for_flags_or_options "kecsctl completions" q quiet' -l 'quiet' -s 'q' -d 'No progress and no table: print nothing when all is well.'
complete -c 'kecsctl' -n '__kecsctl_should_offer_completions_for_flags_or_options "kecsctl completions"' -l 'verbose' -s 'v' -d 'Say what is decided; -vv also every child process with its arguments and time.'
complete -c 'kecsctl' -n '__kecsctl_should_offer_completions_for_flags_or_options "kecsctl completions" log-format' -l 'log-format' -d 'The form of the lines on standard error.' -rfka 'text json'
complete -c 'kecsctl' -n '__kecsctl_should_offer_completions_for_flags_or_options "kecsctl completions" timeout' -l 'timeout' -d 'A bound on the whole command; then it cleans up and ends with status 15.' -rfka ''
complete -c 'kecsctl' -n '__kecsctl_should_offer_completions_for_flags_or_options "kecsctl completions" no-color' -l 'no-color' -d 'No colour; so does NO_COLOR, TERM=dumb or an output that is no terminal.'
complete -c 'kecsctl' -n '__kecsctl_should_offer_completions_for_flags_or_options "kecsctl completions" version' -l 'version' -d 'Show the version.'
complete -c 'kecsctl' -n '__kecsctl_should_offer_completions_for_flags_or_options "kecsctl completions" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'kecsctl' -n '__kecsctl_should_offer_completions_for_flags_or_options "kecsctl help" version' -l 'version' -d 'Show the version.'
