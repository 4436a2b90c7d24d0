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
