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
