#!/bin/bash

__kecsctl_cursor_index_in_current_word() {
    local remaining="${COMP_LINE}"

    local word
    for word in "${COMP_WORDS[@]::COMP_CWORD}"; do
        remaining="${remaining##*([[:space:]])"${word}"*([[:space:]])}"
    done

    local -ir index="$((COMP_POINT - ${#COMP_LINE} + ${#remaining}))"
    if [[ "${index}" -le 0 ]]; then
        printf 0
    else
        printf %s "${index}"
    fi
}

# positional arguments:
#
# - 1: the current (sub)command's count of positional arguments
#
# required variables:
#
# - repeating_flags: the repeating flags that the current (sub)command can accept
# - non_repeating_flags: the non-repeating flags that the current (sub)command can accept
# - repeating_options: the repeating options that the current (sub)command can accept
# - non_repeating_options: the non-repeating options that the current (sub)command can accept
# - positional_number: value ignored
# - unparsed_words: unparsed words from the current command line
#
# modified variables:
#
# - non_repeating_flags: remove flags for this (sub)command that are already on the command line
# - non_repeating_options: remove options for this (sub)command that are already on the command line
# - positional_number: set to the current positional number
# - unparsed_words: remove all flags, options, and option values for this (sub)command
__kecsctl_offer_flags_options() {
    local -ir positional_count="${1}"
    positional_number=0

    local was_flag_option_terminator_seen=false
    local is_parsing_option_value=false

    local -ar unparsed_word_indices=("${!unparsed_words[@]}")
    local -i word_index
    for word_index in "${unparsed_word_indices[@]}"; do
        if "${is_parsing_option_value}"; then
            # This word is an option value:
            # Reset marker for next word iff not currently the last word
            [[ "${word_index}" -ne "${unparsed_word_indices[${#unparsed_word_indices[@]} - 1]}" ]] && is_parsing_option_value=false
            unset "unparsed_words[${word_index}]"
            # Do not process this word as a flag or an option
            continue
        fi

        local word="${unparsed_words["${word_index}"]}"
        if ! "${was_flag_option_terminator_seen}"; then
            case "${word}" in
            --)
                unset "unparsed_words[${word_index}]"
                # by itself -- is a flag/option terminator, but if it is the last word, it is the start of a completion
                if [[ "${word_index}" -ne "${unparsed_word_indices[${#unparsed_word_indices[@]} - 1]}" ]]; then
                    was_flag_option_terminator_seen=true
                fi
                continue
                ;;
            -*)
                # ${word} is a flag or an option
                # If ${word} is an option, mark that the next word to be parsed is an option value
                local option
                for option in "${repeating_options[@]}" "${non_repeating_options[@]}"; do
                    [[ "${word}" = "${option}" ]] && is_parsing_option_value=true && break
                done

                # Remove ${word} from ${non_repeating_flags} or ${non_repeating_options} so it isn't offered again
                local not_found=true
                local -i index
                for index in "${!non_repeating_flags[@]}"; do
                    if [[ "${non_repeating_flags[${index}]}" = "${word}" ]]; then
                        unset "non_repeating_flags[${index}]"
                        non_repeating_flags=("${non_repeating_flags[@]}")
                        not_found=false
                        break
                    fi
                done
                if "${not_found}"; then
                    for index in "${!non_repeating_flags[@]}"; do
                        if [[ "${non_repeating_flags[${index}]}" = "${word}" ]]; then
                            unset "non_repeating_flags[${index}]"
                            non_repeating_flags=("${non_repeating_flags[@]}")
                            break
                        fi
                    done
                fi
                unset "unparsed_words[${word_index}]"
                continue
                ;;
            esac
        fi

        # ${word} is neither a flag, nor an option, nor an option value
        if [[ "${positional_number}" -lt "${positional_count}" || "${positional_count}" -lt 0 ]]; then
            # ${word} is a positional
            ((positional_number++))
            unset "unparsed_words[${word_index}]"
        else
            if [[ -z "${word}" ]]; then
                # Could be completing a flag, option, or subcommand
                positional_number=-1
            else
                # ${word} is a subcommand or invalid, so stop processing this (sub)command
                positional_number=-2
            fi
            break
        fi
    done

    unparsed_words=("${unparsed_words[@]}")

    if\
        ! "${was_flag_option_terminator_seen}"\
        && ! "${is_parsing_option_value}"\
        && [[ ("${cur}" = -* && "${positional_number}" -ge 0) || "${positional_number}" -eq -1 ]]
    then
        COMPREPLY+=($(compgen -W "${repeating_flags[*]} ${non_repeating_flags[*]} ${repeating_options[*]} ${non_repeating_options[*]}" -- "${cur}"))
    fi
}

__kecsctl_add_completions() {
    local completion
    while IFS='' read -r completion; do
        COMPREPLY+=("${completion}")
    done < <(IFS=$'\n' compgen "${@}" -- "${cur}")
}

__kecsctl_custom_complete() {
    if [[ -n "${cur}" || -z ${COMP_WORDS[${COMP_CWORD}]} || "${COMP_LINE:${COMP_POINT}:1}" != ' ' ]]; then
        local -ar words=("${COMP_WORDS[@]}")
    else
        local -ar words=("${COMP_WORDS[@]::${COMP_CWORD}}" '' "${COMP_WORDS[@]:${COMP_CWORD}}")
    fi

    "${COMP_WORDS[0]}" "${@}" "${words[@]}"
}

_kecsctl() {
    local state
    state="$(shopt -p;shopt -po)"
    trap "${state//$'\n'/;}" RETURN
    shopt -s extglob
    set +o history +o posix

    local -xr SAP_SHELL=bash
    local -x SAP_SHELL_VERSION
    SAP_SHELL_VERSION="$(IFS='.';printf %s "${BASH_VERSINFO[*]}")"
    local -r SAP_SHELL_VERSION

    local -r cur="${2}"
    local -r prev="${3}"

    local -i positional_number
    local -a unparsed_words=("${COMP_WORDS[@]:1:${COMP_CWORD}}")

    local -a repeating_flags=()
    local -a non_repeating_flags=(--version -h --help)
    local -a repeating_options=()
    local -a non_repeating_options=()
    __kecsctl_offer_flags_options 0

    # Offer subcommand / subcommand argument completions
    local -r subcommand="${unparsed_words[0]}"
    unset 'unparsed_words[0]'
    unparsed_words=("${unparsed_words[@]}")
    case "${subcommand}" in
    start|stop|restart|list|status|inspect|logs|rename|clone|reset|destroy|backup|backups|restore|undo|volumes|du|recover|state|migrate|db|doctor|check|schedule|metrics|test|history|config|render|completions|version|help)
        # Offer subcommand argument completions
        "_kecsctl_${subcommand}"
        ;;
    *)
        # Offer subcommand completions
        COMPREPLY+=($(compgen -W 'start stop restart list status inspect logs rename clone reset destroy backup backups restore undo volumes du recover state migrate db doctor check schedule metrics test history config render completions version help' -- "${cur}"))
        ;;
    esac
}

_kecsctl_start() {
    repeating_flags=(--verbose -v)
    non_repeating_flags=(-A --all --accept --no-recover --use-velero-backup --no-velero-backup --no-wait --force -n --dry-run --yes -y --quiet -q --no-color --version -h --help)
    repeating_options=(--instance --volume --compose-file --profile --component --accept-loss)
    non_repeating_options=(--runtime --data-dir --command --health-url --api-port --admin-port --image --container --owner --address --service --volume-label --k3s-image --agents --restore --wait-lock --home --output -o --log-format --timeout)
    __kecsctl_offer_flags_options -1

    # Offer option value completions
    case "${prev}" in
    '--instance')
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion start -- --instance "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    '--runtime')
        __kecsctl_add_completions -W 'k3d'$'\n''docker'$'\n''compose'$'\n''local'
        return
        ;;
    '--data-dir')
        __kecsctl_add_completions -f
        return
        ;;
    '--command')
        return
        ;;
    '--health-url')
        return
        ;;
    '--api-port')
        return
        ;;
    '--admin-port')
        return
        ;;
    '--image')
        return
        ;;
    '--container')
        return
        ;;
    '--volume')
        return
        ;;
    '--owner')
        return
        ;;
    '--address')
        return
        ;;
    '--compose-file')
        __kecsctl_add_completions -f
        return
        ;;
    '--profile')
        return
        ;;
    '--service')
        return
        ;;
    '--volume-label')
        return
        ;;
    '--k3s-image')
        return
        ;;
    '--agents')
        return
        ;;
    '--component')
        __kecsctl_add_completions -W 'postgres'$'\n''localstack'$'\n''traefik'$'\n''vector'$'\n''none'
        return
        ;;
    '--restore')
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion start -- --restore "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    '--accept-loss')
        return
        ;;
    '--wait-lock')
        return
        ;;
    '--home')
        __kecsctl_add_completions -d
        return
        ;;
    '--output'|'-o')
        __kecsctl_add_completions -W 'table'$'\n''json'$'\n''yaml'$'\n''name'
        return
        ;;
    '--log-format')
        __kecsctl_add_completions -W 'text'$'\n''json'
        return
        ;;
    '--timeout')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    *)
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion start -- positional@0 "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_kecsctl_stop() {
    repeating_flags=(--verbose -v)
    non_repeating_flags=(-A --all --no-backup --keep-clusters --force -n --dry-run --yes -y --quiet -q --no-color --version -h --help)
    repeating_options=(--instance)
    non_repeating_options=(--wait-lock --home --output -o --log-format --timeout)
    __kecsctl_offer_flags_options -1

    # Offer option value completions
    case "${prev}" in
    '--instance')
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion stop -- --instance "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    '--wait-lock')
        return
        ;;
    '--home')
        __kecsctl_add_completions -d
        return
        ;;
    '--output'|'-o')
        __kecsctl_add_completions -W 'table'$'\n''json'$'\n''yaml'$'\n''name'
        return
        ;;
    '--log-format')
        __kecsctl_add_completions -W 'text'$'\n''json'
        return
        ;;
    '--timeout')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    *)
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion stop -- positional@0 "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_kecsctl_restart() {
    repeating_flags=(--verbose -v)
    non_repeating_flags=(-A --all --force -n --dry-run --yes -y --quiet -q --no-color --version -h --help)
    repeating_options=(--instance)
    non_repeating_options=(--wait-lock --home --output -o --log-format --timeout)
    __kecsctl_offer_flags_options -1

    # Offer option value completions
    case "${prev}" in
    '--instance')
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion restart -- --instance "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    '--wait-lock')
        return
        ;;
    '--home')
        __kecsctl_add_completions -d
        return
        ;;
    '--output'|'-o')
        __kecsctl_add_completions -W 'table'$'\n''json'$'\n''yaml'$'\n''name'
        return
        ;;
    '--log-format')
        __kecsctl_add_completions -W 'text'$'\n''json'
        return
        ;;
    '--timeout')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    *)
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion restart -- positional@0 "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_kecsctl_list() {
    repeating_flags=(--verbose -v)
    non_repeating_flags=(-A --all --quiet -q --no-color --version -h --help)
    repeating_options=()
    non_repeating_options=(--home --output -o --log-format --timeout)
    __kecsctl_offer_flags_options 0

    # Offer option value completions
    case "${prev}" in
    '--home')
        __kecsctl_add_completions -d
        return
        ;;
    '--output'|'-o')
        __kecsctl_add_completions -W 'table'$'\n''json'$'\n''yaml'$'\n''name'
        return
        ;;
    '--log-format')
        __kecsctl_add_completions -W 'text'$'\n''json'
        return
        ;;
    '--timeout')
        return
        ;;
    esac
}

_kecsctl_status() {
    repeating_flags=(--verbose -v)
    non_repeating_flags=(-A --all --deep --wait --quiet -q --no-color --version -h --help)
    repeating_options=(--instance)
    non_repeating_options=(--home --output -o --log-format --timeout)
    __kecsctl_offer_flags_options -1

    # Offer option value completions
    case "${prev}" in
    '--instance')
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion status -- --instance "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    '--home')
        __kecsctl_add_completions -d
        return
        ;;
    '--output'|'-o')
        __kecsctl_add_completions -W 'table'$'\n''json'$'\n''yaml'$'\n''name'
        return
        ;;
    '--log-format')
        __kecsctl_add_completions -W 'text'$'\n''json'
        return
        ;;
    '--timeout')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    *)
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion status -- positional@0 "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_kecsctl_inspect() {
    repeating_flags=(--verbose -v)
    non_repeating_flags=(--quiet -q --no-color --version -h --help)
    repeating_options=()
    non_repeating_options=(--instance --home --output -o --log-format --timeout)
    __kecsctl_offer_flags_options 1

    # Offer option value completions
    case "${prev}" in
    '--instance')
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion inspect -- --instance "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    '--home')
        __kecsctl_add_completions -d
        return
        ;;
    '--output'|'-o')
        __kecsctl_add_completions -W 'table'$'\n''json'$'\n''yaml'$'\n''name'
        return
        ;;
    '--log-format')
        __kecsctl_add_completions -W 'text'$'\n''json'
        return
        ;;
    '--timeout')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    1)
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion inspect -- positional@0 "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_kecsctl_logs() {
    repeating_flags=(--verbose -v)
    non_repeating_flags=(--follow -f --quiet -q --no-color --version -h --help)
    repeating_options=()
    non_repeating_options=(--instance --tail --since --home --output -o --log-format --timeout)
    __kecsctl_offer_flags_options 1

    # Offer option value completions
    case "${prev}" in
    '--instance')
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion logs -- --instance "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    '--tail')
        return
        ;;
    '--since')
        return
        ;;
    '--home')
        __kecsctl_add_completions -d
        return
        ;;
    '--output'|'-o')
        __kecsctl_add_completions -W 'table'$'\n''json'$'\n''yaml'$'\n''name'
        return
        ;;
    '--log-format')
        __kecsctl_add_completions -W 'text'$'\n''json'
        return
        ;;
    '--timeout')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    1)
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion logs -- positional@0 "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_kecsctl_rename() {
    repeating_flags=(--verbose -v)
    non_repeating_flags=(-n --dry-run --yes -y --quiet -q --no-color --version -h --help)
    repeating_options=()
    non_repeating_options=(--wait-lock --home --output -o --log-format --timeout)
    __kecsctl_offer_flags_options 2

    # Offer option value completions
    case "${prev}" in
    '--wait-lock')
        return
        ;;
    '--home')
        __kecsctl_add_completions -d
        return
        ;;
    '--output'|'-o')
        __kecsctl_add_completions -W 'table'$'\n''json'$'\n''yaml'$'\n''name'
        return
        ;;
    '--log-format')
        __kecsctl_add_completions -W 'text'$'\n''json'
        return
        ;;
    '--timeout')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    1)
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion rename -- positional@0 "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_kecsctl_clone() {
    repeating_flags=(--verbose -v)
    non_repeating_flags=(-n --dry-run --yes -y --quiet -q --no-color --version -h --help)
    repeating_options=()
    non_repeating_options=(--from --api-port --admin-port --wait-lock --home --output -o --log-format --timeout)
    __kecsctl_offer_flags_options 2

    # Offer option value completions
    case "${prev}" in
    '--from')
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion clone -- --from "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    '--api-port')
        return
        ;;
    '--admin-port')
        return
        ;;
    '--wait-lock')
        return
        ;;
    '--home')
        __kecsctl_add_completions -d
        return
        ;;
    '--output'|'-o')
        __kecsctl_add_completions -W 'table'$'\n''json'$'\n''yaml'$'\n''name'
        return
        ;;
    '--log-format')
        __kecsctl_add_completions -W 'text'$'\n''json'
        return
        ;;
    '--timeout')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    1)
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion clone -- positional@0 "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_kecsctl_reset() {
    repeating_flags=(--verbose -v)
    non_repeating_flags=(-A --all --force -n --dry-run --yes -y --quiet -q --no-color --version -h --help)
    repeating_options=(--instance)
    non_repeating_options=(--wait-lock --home --output -o --log-format --timeout)
    __kecsctl_offer_flags_options -1

    # Offer option value completions
    case "${prev}" in
    '--instance')
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion reset -- --instance "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    '--wait-lock')
        return
        ;;
    '--home')
        __kecsctl_add_completions -d
        return
        ;;
    '--output'|'-o')
        __kecsctl_add_completions -W 'table'$'\n''json'$'\n''yaml'$'\n''name'
        return
        ;;
    '--log-format')
        __kecsctl_add_completions -W 'text'$'\n''json'
        return
        ;;
    '--timeout')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    *)
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion reset -- positional@0 "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_kecsctl_destroy() {
    repeating_flags=(--verbose -v)
    non_repeating_flags=(-A --all --delete-backups --force -n --dry-run --yes -y --quiet -q --no-color --version -h --help)
    repeating_options=(--instance)
    non_repeating_options=(--wait-lock --home --output -o --log-format --timeout)
    __kecsctl_offer_flags_options -1

    # Offer option value completions
    case "${prev}" in
    '--instance')
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion destroy -- --instance "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    '--wait-lock')
        return
        ;;
    '--home')
        __kecsctl_add_completions -d
        return
        ;;
    '--output'|'-o')
        __kecsctl_add_completions -W 'table'$'\n''json'$'\n''yaml'$'\n''name'
        return
        ;;
    '--log-format')
        __kecsctl_add_completions -W 'text'$'\n''json'
        return
        ;;
    '--timeout')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    *)
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion destroy -- positional@0 "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_kecsctl_backup() {
    repeating_flags=(--verbose -v)
    non_repeating_flags=(-A --all --exclude-caches --strict --scheduled --latest-link --no-prune --force -n --dry-run --yes -y --quiet -q --no-color --version -h --help)
    repeating_options=(--instance --part --label --accept-loss --exclude)
    non_repeating_options=(--consistency --max-pause --compression --keep --keep-within --keep-daily --keep-weekly --keep-monthly --wait-lock --home --output -o --log-format --timeout)
    __kecsctl_offer_flags_options -1

    # Offer option value completions
    case "${prev}" in
    '--instance')
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion backup -- --instance "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    '--part')
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion backup -- --part "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    '--consistency')
        __kecsctl_add_completions -W 'auto'$'\n''live'$'\n''frozen'$'\n''stopped'
        return
        ;;
    '--max-pause')
        return
        ;;
    '--label')
        return
        ;;
    '--accept-loss')
        return
        ;;
    '--exclude')
        return
        ;;
    '--compression')
        return
        ;;
    '--keep')
        return
        ;;
    '--keep-within')
        return
        ;;
    '--keep-daily')
        return
        ;;
    '--keep-weekly')
        return
        ;;
    '--keep-monthly')
        return
        ;;
    '--wait-lock')
        return
        ;;
    '--home')
        __kecsctl_add_completions -d
        return
        ;;
    '--output'|'-o')
        __kecsctl_add_completions -W 'table'$'\n''json'$'\n''yaml'$'\n''name'
        return
        ;;
    '--log-format')
        __kecsctl_add_completions -W 'text'$'\n''json'
        return
        ;;
    '--timeout')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    *)
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion backup -- positional@0 "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_kecsctl_backups() {
    repeating_flags=()
    non_repeating_flags=(--version -h --help)
    repeating_options=()
    non_repeating_options=()
    __kecsctl_offer_flags_options 0

    # Offer subcommand / subcommand argument completions
    local -r subcommand="${unparsed_words[0]}"
    unset 'unparsed_words[0]'
    unparsed_words=("${unparsed_words[@]}")
    case "${subcommand}" in
    list|show|verify|drill|diff|ls|find|cat|stats|label|prune|delete|pin|unpin|export|import)
        # Offer subcommand argument completions
        "_kecsctl_backups_${subcommand}"
        ;;
    *)
        # Offer subcommand completions
        COMPREPLY+=($(compgen -W 'list show verify drill diff ls find cat stats label prune delete pin unpin export import' -- "${cur}"))
        ;;
    esac
}

_kecsctl_backups_list() {
    repeating_flags=(--verbose -v)
    non_repeating_flags=(-A --all --velero --quiet -q --no-color --version -h --help)
    repeating_options=(--instance --label)
    non_repeating_options=(--since --last --folder --bucket --home --output -o --log-format --timeout)
    __kecsctl_offer_flags_options -1

    # Offer option value completions
    case "${prev}" in
    '--instance')
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion backups list -- --instance "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    '--label')
        return
        ;;
    '--since')
        return
        ;;
    '--last')
        return
        ;;
    '--folder')
        __kecsctl_add_completions -d
        return
        ;;
    '--bucket')
        return
        ;;
    '--home')
        __kecsctl_add_completions -d
        return
        ;;
    '--output'|'-o')
        __kecsctl_add_completions -W 'table'$'\n''json'$'\n''yaml'$'\n''name'
        return
        ;;
    '--log-format')
        __kecsctl_add_completions -W 'text'$'\n''json'
        return
        ;;
    '--timeout')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    *)
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion backups list -- positional@0 "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_kecsctl_backups_show() {
    repeating_flags=(--verbose -v)
    non_repeating_flags=(--quiet -q --no-color --version -h --help)
    repeating_options=()
    non_repeating_options=(--instance --folder --bucket --home --output -o --log-format --timeout)
    __kecsctl_offer_flags_options 1

    # Offer option value completions
    case "${prev}" in
    '--instance')
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion backups show -- --instance "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    '--folder')
        __kecsctl_add_completions -d
        return
        ;;
    '--bucket')
        return
        ;;
    '--home')
        __kecsctl_add_completions -d
        return
        ;;
    '--output'|'-o')
        __kecsctl_add_completions -W 'table'$'\n''json'$'\n''yaml'$'\n''name'
        return
        ;;
    '--log-format')
        __kecsctl_add_completions -W 'text'$'\n''json'
        return
        ;;
    '--timeout')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    1)
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion backups show -- positional@0 "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_kecsctl_backups_verify() {
    repeating_flags=(--verbose -v)
    non_repeating_flags=(-A --all --quick --velero --quiet -q --no-color --version -h --help)
    repeating_options=()
    non_repeating_options=(--instance --folder --bucket --home --output -o --log-format --timeout)
    __kecsctl_offer_flags_options -1

    # Offer option value completions
    case "${prev}" in
    '--instance')
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion backups verify -- --instance "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    '--folder')
        __kecsctl_add_completions -d
        return
        ;;
    '--bucket')
        return
        ;;
    '--home')
        __kecsctl_add_completions -d
        return
        ;;
    '--output'|'-o')
        __kecsctl_add_completions -W 'table'$'\n''json'$'\n''yaml'$'\n''name'
        return
        ;;
    '--log-format')
        __kecsctl_add_completions -W 'text'$'\n''json'
        return
        ;;
    '--timeout')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    *)
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion backups verify -- positional@0 "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_kecsctl_backups_drill() {
    repeating_flags=(--verbose -v)
    non_repeating_flags=(-A --all --start -n --dry-run --yes -y --quiet -q --no-color --version -h --help)
    repeating_options=(--instance)
    non_repeating_options=(--from --folder --wait-lock --home --output -o --log-format --timeout)
    __kecsctl_offer_flags_options -1

    # Offer option value completions
    case "${prev}" in
    '--instance')
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion backups drill -- --instance "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    '--from')
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion backups drill -- --from "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    '--folder')
        __kecsctl_add_completions -f
        return
        ;;
    '--wait-lock')
        return
        ;;
    '--home')
        __kecsctl_add_completions -d
        return
        ;;
    '--output'|'-o')
        __kecsctl_add_completions -W 'table'$'\n''json'$'\n''yaml'$'\n''name'
        return
        ;;
    '--log-format')
        __kecsctl_add_completions -W 'text'$'\n''json'
        return
        ;;
    '--timeout')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    *)
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion backups drill -- positional@0 "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_kecsctl_backups_diff() {
    repeating_flags=(--verbose -v)
    non_repeating_flags=(--quiet -q --no-color --version -h --help)
    repeating_options=()
    non_repeating_options=(--instance --folder --bucket --home --output -o --log-format --timeout)
    __kecsctl_offer_flags_options 2

    # Offer option value completions
    case "${prev}" in
    '--instance')
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion backups diff -- --instance "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    '--folder')
        __kecsctl_add_completions -d
        return
        ;;
    '--bucket')
        return
        ;;
    '--home')
        __kecsctl_add_completions -d
        return
        ;;
    '--output'|'-o')
        __kecsctl_add_completions -W 'table'$'\n''json'$'\n''yaml'$'\n''name'
        return
        ;;
    '--log-format')
        __kecsctl_add_completions -W 'text'$'\n''json'
        return
        ;;
    '--timeout')
        return
        ;;
    esac
}

_kecsctl_backups_ls() {
    repeating_flags=(--verbose -v)
    non_repeating_flags=(-R --recursive --quiet -q --no-color --version -h --help)
    repeating_options=()
    non_repeating_options=(--instance --folder --bucket --home --output -o --log-format --timeout)
    __kecsctl_offer_flags_options 2

    # Offer option value completions
    case "${prev}" in
    '--instance')
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion backups ls -- --instance "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    '--folder')
        __kecsctl_add_completions -d
        return
        ;;
    '--bucket')
        return
        ;;
    '--home')
        __kecsctl_add_completions -d
        return
        ;;
    '--output'|'-o')
        __kecsctl_add_completions -W 'table'$'\n''json'$'\n''yaml'$'\n''name'
        return
        ;;
    '--log-format')
        __kecsctl_add_completions -W 'text'$'\n''json'
        return
        ;;
    '--timeout')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    1)
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion backups ls -- positional@0 "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    2)
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion backups ls -- positional@1 "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_kecsctl_backups_find() {
    repeating_flags=(--verbose -v)
    non_repeating_flags=(--quiet -q --no-color --version -h --help)
    repeating_options=(--instance --label)
    non_repeating_options=(--since --last --home --output -o --log-format --timeout)
    __kecsctl_offer_flags_options 1

    # Offer option value completions
    case "${prev}" in
    '--instance')
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion backups find -- --instance "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    '--label')
        return
        ;;
    '--since')
        return
        ;;
    '--last')
        return
        ;;
    '--home')
        __kecsctl_add_completions -d
        return
        ;;
    '--output'|'-o')
        __kecsctl_add_completions -W 'table'$'\n''json'$'\n''yaml'$'\n''name'
        return
        ;;
    '--log-format')
        __kecsctl_add_completions -W 'text'$'\n''json'
        return
        ;;
    '--timeout')
        return
        ;;
    esac
}

_kecsctl_backups_cat() {
    repeating_flags=(--verbose -v)
    non_repeating_flags=(--force --quiet -q --no-color --version -h --help)
    repeating_options=()
    non_repeating_options=(--instance --folder --bucket --home --output -o --log-format --timeout)
    __kecsctl_offer_flags_options 2

    # Offer option value completions
    case "${prev}" in
    '--instance')
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion backups cat -- --instance "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    '--folder')
        __kecsctl_add_completions -d
        return
        ;;
    '--bucket')
        return
        ;;
    '--home')
        __kecsctl_add_completions -d
        return
        ;;
    '--output'|'-o')
        __kecsctl_add_completions -W 'table'$'\n''json'$'\n''yaml'$'\n''name'
        return
        ;;
    '--log-format')
        __kecsctl_add_completions -W 'text'$'\n''json'
        return
        ;;
    '--timeout')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    1)
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion backups cat -- positional@0 "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    2)
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion backups cat -- positional@1 "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_kecsctl_backups_stats() {
    repeating_flags=(--verbose -v)
    non_repeating_flags=(-A --all --quiet -q --no-color --version -h --help)
    repeating_options=(--instance --label)
    non_repeating_options=(--since --last --home --output -o --log-format --timeout)
    __kecsctl_offer_flags_options -1

    # Offer option value completions
    case "${prev}" in
    '--instance')
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion backups stats -- --instance "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    '--label')
        return
        ;;
    '--since')
        return
        ;;
    '--last')
        return
        ;;
    '--home')
        __kecsctl_add_completions -d
        return
        ;;
    '--output'|'-o')
        __kecsctl_add_completions -W 'table'$'\n''json'$'\n''yaml'$'\n''name'
        return
        ;;
    '--log-format')
        __kecsctl_add_completions -W 'text'$'\n''json'
        return
        ;;
    '--timeout')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    *)
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion backups stats -- positional@0 "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_kecsctl_backups_label() {
    repeating_flags=(--verbose -v)
    non_repeating_flags=(-n --dry-run --yes -y --quiet -q --no-color --version -h --help)
    repeating_options=()
    non_repeating_options=(--instance --wait-lock --home --output -o --log-format --timeout)
    __kecsctl_offer_flags_options -1

    # Offer option value completions
    case "${prev}" in
    '--instance')
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion backups label -- --instance "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    '--wait-lock')
        return
        ;;
    '--home')
        __kecsctl_add_completions -d
        return
        ;;
    '--output'|'-o')
        __kecsctl_add_completions -W 'table'$'\n''json'$'\n''yaml'$'\n''name'
        return
        ;;
    '--log-format')
        __kecsctl_add_completions -W 'text'$'\n''json'
        return
        ;;
    '--timeout')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    1)
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion backups label -- positional@0 "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_kecsctl_backups_prune() {
    repeating_flags=(--verbose -v)
    non_repeating_flags=(-A --all -n --dry-run --yes -y --quiet -q --no-color --version -h --help)
    repeating_options=(--instance)
    non_repeating_options=(--keep --keep-within --keep-daily --keep-weekly --keep-monthly --wait-lock --home --output -o --log-format --timeout)
    __kecsctl_offer_flags_options -1

    # Offer option value completions
    case "${prev}" in
    '--instance')
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion backups prune -- --instance "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    '--keep')
        return
        ;;
    '--keep-within')
        return
        ;;
    '--keep-daily')
        return
        ;;
    '--keep-weekly')
        return
        ;;
    '--keep-monthly')
        return
        ;;
    '--wait-lock')
        return
        ;;
    '--home')
        __kecsctl_add_completions -d
        return
        ;;
    '--output'|'-o')
        __kecsctl_add_completions -W 'table'$'\n''json'$'\n''yaml'$'\n''name'
        return
        ;;
    '--log-format')
        __kecsctl_add_completions -W 'text'$'\n''json'
        return
        ;;
    '--timeout')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    *)
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion backups prune -- positional@0 "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_kecsctl_backups_delete() {
    repeating_flags=(--verbose -v)
    non_repeating_flags=(--force -n --dry-run --yes -y --quiet -q --no-color --version -h --help)
    repeating_options=()
    non_repeating_options=(--instance --wait-lock --home --output -o --log-format --timeout)
    __kecsctl_offer_flags_options -1

    # Offer option value completions
    case "${prev}" in
    '--instance')
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion backups delete -- --instance "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    '--wait-lock')
        return
        ;;
    '--home')
        __kecsctl_add_completions -d
        return
        ;;
    '--output'|'-o')
        __kecsctl_add_completions -W 'table'$'\n''json'$'\n''yaml'$'\n''name'
        return
        ;;
    '--log-format')
        __kecsctl_add_completions -W 'text'$'\n''json'
        return
        ;;
    '--timeout')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    *)
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion backups delete -- positional@0 "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_kecsctl_backups_pin() {
    repeating_flags=(--verbose -v)
    non_repeating_flags=(-n --dry-run --yes -y --quiet -q --no-color --version -h --help)
    repeating_options=()
    non_repeating_options=(--instance --wait-lock --home --output -o --log-format --timeout)
    __kecsctl_offer_flags_options -1

    # Offer option value completions
    case "${prev}" in
    '--instance')
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion backups pin -- --instance "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    '--wait-lock')
        return
        ;;
    '--home')
        __kecsctl_add_completions -d
        return
        ;;
    '--output'|'-o')
        __kecsctl_add_completions -W 'table'$'\n''json'$'\n''yaml'$'\n''name'
        return
        ;;
    '--log-format')
        __kecsctl_add_completions -W 'text'$'\n''json'
        return
        ;;
    '--timeout')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    *)
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion backups pin -- positional@0 "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_kecsctl_backups_unpin() {
    repeating_flags=(--verbose -v)
    non_repeating_flags=(-n --dry-run --yes -y --quiet -q --no-color --version -h --help)
    repeating_options=()
    non_repeating_options=(--instance --wait-lock --home --output -o --log-format --timeout)
    __kecsctl_offer_flags_options -1

    # Offer option value completions
    case "${prev}" in
    '--instance')
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion backups unpin -- --instance "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    '--wait-lock')
        return
        ;;
    '--home')
        __kecsctl_add_completions -d
        return
        ;;
    '--output'|'-o')
        __kecsctl_add_completions -W 'table'$'\n''json'$'\n''yaml'$'\n''name'
        return
        ;;
    '--log-format')
        __kecsctl_add_completions -W 'text'$'\n''json'
        return
        ;;
    '--timeout')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    *)
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion backups unpin -- positional@0 "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_kecsctl_backups_export() {
    repeating_flags=(--verbose -v)
    non_repeating_flags=(--quiet -q --no-color --version -h --help)
    repeating_options=()
    non_repeating_options=(--file --instance --home --output -o --log-format --timeout)
    __kecsctl_offer_flags_options 1

    # Offer option value completions
    case "${prev}" in
    '--file')
        __kecsctl_add_completions -f
        return
        ;;
    '--instance')
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion backups export -- --instance "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    '--home')
        __kecsctl_add_completions -d
        return
        ;;
    '--output'|'-o')
        __kecsctl_add_completions -W 'table'$'\n''json'$'\n''yaml'$'\n''name'
        return
        ;;
    '--log-format')
        __kecsctl_add_completions -W 'text'$'\n''json'
        return
        ;;
    '--timeout')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    1)
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion backups export -- positional@0 "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_kecsctl_backups_import() {
    repeating_flags=(--verbose -v)
    non_repeating_flags=(-n --dry-run --yes -y --quiet -q --no-color --version -h --help)
    repeating_options=()
    non_repeating_options=(--as --wait-lock --home --output -o --log-format --timeout)
    __kecsctl_offer_flags_options 1

    # Offer option value completions
    case "${prev}" in
    '--as')
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion backups import -- --as "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    '--wait-lock')
        return
        ;;
    '--home')
        __kecsctl_add_completions -d
        return
        ;;
    '--output'|'-o')
        __kecsctl_add_completions -W 'table'$'\n''json'$'\n''yaml'$'\n''name'
        return
        ;;
    '--log-format')
        __kecsctl_add_completions -W 'text'$'\n''json'
        return
        ;;
    '--timeout')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    1)
        __kecsctl_add_completions -f
        return
        ;;
    esac
}

_kecsctl_restore() {
    repeating_flags=(--verbose -v)
    non_repeating_flags=(--no-start --force -n --dry-run --yes -y --quiet -q --no-color --version -h --help)
    repeating_options=(--part --path --map-owner)
    non_repeating_options=(--instance --from --at --database --into --owner --runtime --wait-lock --home --output -o --log-format --timeout)
    __kecsctl_offer_flags_options 1

    # Offer option value completions
    case "${prev}" in
    '--instance')
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion restore -- --instance "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    '--from')
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion restore -- --from "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    '--at')
        return
        ;;
    '--part')
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion restore -- --part "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    '--database')
        return
        ;;
    '--path')
        return
        ;;
    '--into')
        __kecsctl_add_completions -d
        return
        ;;
    '--owner')
        return
        ;;
    '--map-owner')
        return
        ;;
    '--runtime')
        __kecsctl_add_completions -W 'k3d'$'\n''docker'$'\n''compose'$'\n''local'
        return
        ;;
    '--wait-lock')
        return
        ;;
    '--home')
        __kecsctl_add_completions -d
        return
        ;;
    '--output'|'-o')
        __kecsctl_add_completions -W 'table'$'\n''json'$'\n''yaml'$'\n''name'
        return
        ;;
    '--log-format')
        __kecsctl_add_completions -W 'text'$'\n''json'
        return
        ;;
    '--timeout')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    1)
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion restore -- positional@0 "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_kecsctl_undo() {
    repeating_flags=(--verbose -v)
    non_repeating_flags=(--no-start --redo --list --force -n --dry-run --yes -y --quiet -q --no-color --version -h --help)
    repeating_options=()
    non_repeating_options=(--instance --wait-lock --home --output -o --log-format --timeout)
    __kecsctl_offer_flags_options 1

    # Offer option value completions
    case "${prev}" in
    '--instance')
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion undo -- --instance "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    '--wait-lock')
        return
        ;;
    '--home')
        __kecsctl_add_completions -d
        return
        ;;
    '--output'|'-o')
        __kecsctl_add_completions -W 'table'$'\n''json'$'\n''yaml'$'\n''name'
        return
        ;;
    '--log-format')
        __kecsctl_add_completions -W 'text'$'\n''json'
        return
        ;;
    '--timeout')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    1)
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion undo -- positional@0 "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_kecsctl_volumes() {
    repeating_flags=(--verbose -v)
    non_repeating_flags=(-A --all --quiet -q --no-color --version -h --help)
    repeating_options=(--instance)
    non_repeating_options=(--home --output -o --log-format --timeout)
    __kecsctl_offer_flags_options -1

    # Offer option value completions
    case "${prev}" in
    '--instance')
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion volumes -- --instance "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    '--home')
        __kecsctl_add_completions -d
        return
        ;;
    '--output'|'-o')
        __kecsctl_add_completions -W 'table'$'\n''json'$'\n''yaml'$'\n''name'
        return
        ;;
    '--log-format')
        __kecsctl_add_completions -W 'text'$'\n''json'
        return
        ;;
    '--timeout')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    *)
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion volumes -- positional@0 "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_kecsctl_du() {
    repeating_flags=(--verbose -v)
    non_repeating_flags=(-A --all --history --quiet -q --no-color --version -h --help)
    repeating_options=(--instance)
    non_repeating_options=(--home --output -o --log-format --timeout)
    __kecsctl_offer_flags_options -1

    # Offer option value completions
    case "${prev}" in
    '--instance')
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion du -- --instance "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    '--home')
        __kecsctl_add_completions -d
        return
        ;;
    '--output'|'-o')
        __kecsctl_add_completions -W 'table'$'\n''json'$'\n''yaml'$'\n''name'
        return
        ;;
    '--log-format')
        __kecsctl_add_completions -W 'text'$'\n''json'
        return
        ;;
    '--timeout')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    *)
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion du -- positional@0 "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_kecsctl_recover() {
    repeating_flags=(--verbose -v)
    non_repeating_flags=(-A --all --no-wait --resume --overwrite --undo -n --dry-run --yes -y --quiet -q --no-color --version -h --help)
    repeating_options=(--instance --cluster --skip)
    non_repeating_options=(--parallel --wait-lock --home --output -o --log-format --timeout)
    __kecsctl_offer_flags_options -1

    # Offer option value completions
    case "${prev}" in
    '--instance')
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion recover -- --instance "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    '--cluster')
        return
        ;;
    '--skip')
        return
        ;;
    '--parallel')
        return
        ;;
    '--wait-lock')
        return
        ;;
    '--home')
        __kecsctl_add_completions -d
        return
        ;;
    '--output'|'-o')
        __kecsctl_add_completions -W 'table'$'\n''json'$'\n''yaml'$'\n''name'
        return
        ;;
    '--log-format')
        __kecsctl_add_completions -W 'text'$'\n''json'
        return
        ;;
    '--timeout')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    *)
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion recover -- positional@0 "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_kecsctl_state() {
    repeating_flags=()
    non_repeating_flags=(--version -h --help)
    repeating_options=()
    non_repeating_options=()
    __kecsctl_offer_flags_options 0

    # Offer subcommand / subcommand argument completions
    local -r subcommand="${unparsed_words[0]}"
    unset 'unparsed_words[0]'
    unparsed_words=("${unparsed_words[@]}")
    case "${subcommand}" in
    export|import)
        # Offer subcommand argument completions
        "_kecsctl_state_${subcommand}"
        ;;
    *)
        # Offer subcommand completions
        COMPREPLY+=($(compgen -W 'export import' -- "${cur}"))
        ;;
    esac
}

_kecsctl_state_export() {
    repeating_flags=(--verbose -v)
    non_repeating_flags=(--quiet -q --no-color --version -h --help)
    repeating_options=()
    non_repeating_options=(--cluster --home --output -o --log-format --timeout)
    __kecsctl_offer_flags_options 1

    # Offer option value completions
    case "${prev}" in
    '--cluster')
        return
        ;;
    '--home')
        __kecsctl_add_completions -d
        return
        ;;
    '--output'|'-o')
        __kecsctl_add_completions -W 'table'$'\n''json'$'\n''yaml'$'\n''name'
        return
        ;;
    '--log-format')
        __kecsctl_add_completions -W 'text'$'\n''json'
        return
        ;;
    '--timeout')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    1)
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion state export -- positional@0 "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_kecsctl_state_import() {
    repeating_flags=(--verbose -v)
    non_repeating_flags=(--prune --force -n --dry-run --yes -y --quiet -q --no-color --version -h --help)
    repeating_options=()
    non_repeating_options=(--wait-lock --home --output -o --log-format --timeout)
    __kecsctl_offer_flags_options 2

    # Offer option value completions
    case "${prev}" in
    '--wait-lock')
        return
        ;;
    '--home')
        __kecsctl_add_completions -d
        return
        ;;
    '--output'|'-o')
        __kecsctl_add_completions -W 'table'$'\n''json'$'\n''yaml'$'\n''name'
        return
        ;;
    '--log-format')
        __kecsctl_add_completions -W 'text'$'\n''json'
        return
        ;;
    '--timeout')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    1)
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion state import -- positional@0 "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    2)
        __kecsctl_add_completions -f
        return
        ;;
    esac
}

_kecsctl_migrate() {
    repeating_flags=()
    non_repeating_flags=(--version -h --help)
    repeating_options=()
    non_repeating_options=()
    __kecsctl_offer_flags_options 0

    # Offer subcommand / subcommand argument completions
    local -r subcommand="${unparsed_words[0]}"
    unset 'unparsed_words[0]'
    unparsed_words=("${unparsed_words[@]}")
    case "${subcommand}" in
    status|schema|import|export|runtime|velero)
        # Offer subcommand argument completions
        "_kecsctl_migrate_${subcommand}"
        ;;
    *)
        # Offer subcommand completions
        COMPREPLY+=($(compgen -W 'status schema import export runtime velero' -- "${cur}"))
        ;;
    esac
}

_kecsctl_migrate_status() {
    repeating_flags=(--verbose -v)
    non_repeating_flags=(--quiet -q --no-color --version -h --help)
    repeating_options=()
    non_repeating_options=(--instance --database --migrations --tool --home --output -o --log-format --timeout)
    __kecsctl_offer_flags_options 1

    # Offer option value completions
    case "${prev}" in
    '--instance')
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion migrate status -- --instance "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    '--database')
        __kecsctl_add_completions -f
        return
        ;;
    '--migrations')
        __kecsctl_add_completions -d
        return
        ;;
    '--tool')
        __kecsctl_add_completions -W 'kecsctl'$'\n''sqlx'$'\n''dbmate'$'\n''golang-migrate'
        return
        ;;
    '--home')
        __kecsctl_add_completions -d
        return
        ;;
    '--output'|'-o')
        __kecsctl_add_completions -W 'table'$'\n''json'$'\n''yaml'$'\n''name'
        return
        ;;
    '--log-format')
        __kecsctl_add_completions -W 'text'$'\n''json'
        return
        ;;
    '--timeout')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    1)
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion migrate status -- positional@0 "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_kecsctl_migrate_schema() {
    repeating_flags=(--verbose -v)
    non_repeating_flags=(--rehearse --force -n --dry-run --yes -y --quiet -q --no-color --version -h --help)
    repeating_options=()
    non_repeating_options=(--instance --database --migrations --tool --to --wait-lock --home --output -o --log-format --timeout)
    __kecsctl_offer_flags_options 1

    # Offer option value completions
    case "${prev}" in
    '--instance')
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion migrate schema -- --instance "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    '--database')
        __kecsctl_add_completions -f
        return
        ;;
    '--migrations')
        __kecsctl_add_completions -d
        return
        ;;
    '--tool')
        __kecsctl_add_completions -W 'kecsctl'$'\n''sqlx'$'\n''dbmate'$'\n''golang-migrate'
        return
        ;;
    '--to')
        return
        ;;
    '--wait-lock')
        return
        ;;
    '--home')
        __kecsctl_add_completions -d
        return
        ;;
    '--output'|'-o')
        __kecsctl_add_completions -W 'table'$'\n''json'$'\n''yaml'$'\n''name'
        return
        ;;
    '--log-format')
        __kecsctl_add_completions -W 'text'$'\n''json'
        return
        ;;
    '--timeout')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    1)
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion migrate schema -- positional@0 "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_kecsctl_migrate_import() {
    repeating_flags=(--verbose -v)
    non_repeating_flags=(--no-start --force -n --dry-run --yes -y --quiet -q --no-color --version -h --help)
    repeating_options=(--map-owner)
    non_repeating_options=(--part --database --owner --wait-lock --home --output -o --log-format --timeout)
    __kecsctl_offer_flags_options 2

    # Offer option value completions
    case "${prev}" in
    '--part')
        return
        ;;
    '--database')
        return
        ;;
    '--owner')
        return
        ;;
    '--map-owner')
        return
        ;;
    '--wait-lock')
        return
        ;;
    '--home')
        __kecsctl_add_completions -d
        return
        ;;
    '--output'|'-o')
        __kecsctl_add_completions -W 'table'$'\n''json'$'\n''yaml'$'\n''name'
        return
        ;;
    '--log-format')
        __kecsctl_add_completions -W 'text'$'\n''json'
        return
        ;;
    '--timeout')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    2)
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion migrate import -- positional@1 "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_kecsctl_migrate_export() {
    repeating_flags=(--verbose -v)
    non_repeating_flags=(-n --dry-run --yes -y --quiet -q --no-color --version -h --help)
    repeating_options=()
    non_repeating_options=(--wait-lock --home --output -o --log-format --timeout)
    __kecsctl_offer_flags_options 2

    # Offer option value completions
    case "${prev}" in
    '--wait-lock')
        return
        ;;
    '--home')
        __kecsctl_add_completions -d
        return
        ;;
    '--output'|'-o')
        __kecsctl_add_completions -W 'table'$'\n''json'$'\n''yaml'$'\n''name'
        return
        ;;
    '--log-format')
        __kecsctl_add_completions -W 'text'$'\n''json'
        return
        ;;
    '--timeout')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    1)
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion migrate export -- positional@0 "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_kecsctl_migrate_runtime() {
    repeating_flags=(--verbose -v)
    non_repeating_flags=(--force -n --dry-run --yes -y --quiet -q --no-color --version -h --help)
    repeating_options=(--volume --compose-file --profile --component)
    non_repeating_options=(--instance --to --command --health-url --api-port --admin-port --image --container --owner --address --service --volume-label --k3s-image --agents --wait-lock --home --output -o --log-format --timeout)
    __kecsctl_offer_flags_options 1

    # Offer option value completions
    case "${prev}" in
    '--instance')
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion migrate runtime -- --instance "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    '--to')
        __kecsctl_add_completions -W 'k3d'$'\n''docker'$'\n''compose'$'\n''local'
        return
        ;;
    '--command')
        return
        ;;
    '--health-url')
        return
        ;;
    '--api-port')
        return
        ;;
    '--admin-port')
        return
        ;;
    '--image')
        return
        ;;
    '--container')
        return
        ;;
    '--volume')
        return
        ;;
    '--owner')
        return
        ;;
    '--address')
        return
        ;;
    '--compose-file')
        __kecsctl_add_completions -f
        return
        ;;
    '--profile')
        return
        ;;
    '--service')
        return
        ;;
    '--volume-label')
        return
        ;;
    '--k3s-image')
        return
        ;;
    '--agents')
        return
        ;;
    '--component')
        __kecsctl_add_completions -W 'postgres'$'\n''localstack'$'\n''traefik'$'\n''vector'$'\n''none'
        return
        ;;
    '--wait-lock')
        return
        ;;
    '--home')
        __kecsctl_add_completions -d
        return
        ;;
    '--output'|'-o')
        __kecsctl_add_completions -W 'table'$'\n''json'$'\n''yaml'$'\n''name'
        return
        ;;
    '--log-format')
        __kecsctl_add_completions -W 'text'$'\n''json'
        return
        ;;
    '--timeout')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    1)
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion migrate runtime -- positional@0 "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_kecsctl_migrate_velero() {
    repeating_flags=(--verbose -v)
    non_repeating_flags=(--undo --force -n --dry-run --yes -y --quiet -q --no-color --version -h --help)
    repeating_options=()
    non_repeating_options=(--instance --wait-lock --home --output -o --log-format --timeout)
    __kecsctl_offer_flags_options 1

    # Offer option value completions
    case "${prev}" in
    '--instance')
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion migrate velero -- --instance "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    '--wait-lock')
        return
        ;;
    '--home')
        __kecsctl_add_completions -d
        return
        ;;
    '--output'|'-o')
        __kecsctl_add_completions -W 'table'$'\n''json'$'\n''yaml'$'\n''name'
        return
        ;;
    '--log-format')
        __kecsctl_add_completions -W 'text'$'\n''json'
        return
        ;;
    '--timeout')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    1)
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion migrate velero -- positional@0 "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_kecsctl_db() {
    repeating_flags=()
    non_repeating_flags=(--version -h --help)
    repeating_options=()
    non_repeating_options=()
    __kecsctl_offer_flags_options 0

    # Offer subcommand / subcommand argument completions
    local -r subcommand="${unparsed_words[0]}"
    unset 'unparsed_words[0]'
    unparsed_words=("${unparsed_words[@]}")
    case "${subcommand}" in
    query|dump|csv|load|check|maintain|trim|rescue)
        # Offer subcommand argument completions
        "_kecsctl_db_${subcommand}"
        ;;
    *)
        # Offer subcommand completions
        COMPREPLY+=($(compgen -W 'query dump csv load check maintain trim rescue' -- "${cur}"))
        ;;
    esac
}

_kecsctl_db_query() {
    repeating_flags=(--verbose -v)
    non_repeating_flags=(--csv --quiet -q --no-color --version -h --help)
    repeating_options=()
    non_repeating_options=(--database --home --output -o --log-format --timeout)
    __kecsctl_offer_flags_options -1

    # Offer option value completions
    case "${prev}" in
    '--database')
        __kecsctl_add_completions -f
        return
        ;;
    '--home')
        __kecsctl_add_completions -d
        return
        ;;
    '--output'|'-o')
        __kecsctl_add_completions -W 'table'$'\n''json'$'\n''yaml'$'\n''name'
        return
        ;;
    '--log-format')
        __kecsctl_add_completions -W 'text'$'\n''json'
        return
        ;;
    '--timeout')
        return
        ;;
    esac
}

_kecsctl_db_dump() {
    repeating_flags=(--verbose -v)
    non_repeating_flags=(--quiet -q --no-color --version -h --help)
    repeating_options=()
    non_repeating_options=(--dialect --database --home --output -o --log-format --timeout)
    __kecsctl_offer_flags_options 1

    # Offer option value completions
    case "${prev}" in
    '--dialect')
        __kecsctl_add_completions -W 'sqlite'$'\n''postgres'
        return
        ;;
    '--database')
        __kecsctl_add_completions -f
        return
        ;;
    '--home')
        __kecsctl_add_completions -d
        return
        ;;
    '--output'|'-o')
        __kecsctl_add_completions -W 'table'$'\n''json'$'\n''yaml'$'\n''name'
        return
        ;;
    '--log-format')
        __kecsctl_add_completions -W 'text'$'\n''json'
        return
        ;;
    '--timeout')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    1)
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion db dump -- positional@0 "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_kecsctl_db_csv() {
    repeating_flags=(--verbose -v)
    non_repeating_flags=(--quiet -q --no-color --version -h --help)
    repeating_options=()
    non_repeating_options=(--database --home --output -o --log-format --timeout)
    __kecsctl_offer_flags_options -1

    # Offer option value completions
    case "${prev}" in
    '--database')
        __kecsctl_add_completions -f
        return
        ;;
    '--home')
        __kecsctl_add_completions -d
        return
        ;;
    '--output'|'-o')
        __kecsctl_add_completions -W 'table'$'\n''json'$'\n''yaml'$'\n''name'
        return
        ;;
    '--log-format')
        __kecsctl_add_completions -W 'text'$'\n''json'
        return
        ;;
    '--timeout')
        return
        ;;
    esac
}

_kecsctl_db_load() {
    repeating_flags=(--verbose -v)
    non_repeating_flags=(--quiet -q --no-color --version -h --help)
    repeating_options=()
    non_repeating_options=(--into --home --output -o --log-format --timeout)
    __kecsctl_offer_flags_options 1

    # Offer option value completions
    case "${prev}" in
    '--into')
        __kecsctl_add_completions -f
        return
        ;;
    '--home')
        __kecsctl_add_completions -d
        return
        ;;
    '--output'|'-o')
        __kecsctl_add_completions -W 'table'$'\n''json'$'\n''yaml'$'\n''name'
        return
        ;;
    '--log-format')
        __kecsctl_add_completions -W 'text'$'\n''json'
        return
        ;;
    '--timeout')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    1)
        __kecsctl_add_completions -f
        return
        ;;
    esac
}

_kecsctl_db_check() {
    repeating_flags=(--verbose -v)
    non_repeating_flags=(--quick --quiet -q --no-color --version -h --help)
    repeating_options=()
    non_repeating_options=(--database --home --output -o --log-format --timeout)
    __kecsctl_offer_flags_options 1

    # Offer option value completions
    case "${prev}" in
    '--database')
        __kecsctl_add_completions -f
        return
        ;;
    '--home')
        __kecsctl_add_completions -d
        return
        ;;
    '--output'|'-o')
        __kecsctl_add_completions -W 'table'$'\n''json'$'\n''yaml'$'\n''name'
        return
        ;;
    '--log-format')
        __kecsctl_add_completions -W 'text'$'\n''json'
        return
        ;;
    '--timeout')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    1)
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion db check -- positional@0 "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_kecsctl_db_maintain() {
    repeating_flags=(--verbose -v)
    non_repeating_flags=(--no-vacuum -n --dry-run --yes -y --quiet -q --no-color --version -h --help)
    repeating_options=()
    non_repeating_options=(--database --wait-lock --home --output -o --log-format --timeout)
    __kecsctl_offer_flags_options 1

    # Offer option value completions
    case "${prev}" in
    '--database')
        __kecsctl_add_completions -f
        return
        ;;
    '--wait-lock')
        return
        ;;
    '--home')
        __kecsctl_add_completions -d
        return
        ;;
    '--output'|'-o')
        __kecsctl_add_completions -W 'table'$'\n''json'$'\n''yaml'$'\n''name'
        return
        ;;
    '--log-format')
        __kecsctl_add_completions -W 'text'$'\n''json'
        return
        ;;
    '--timeout')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    1)
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion db maintain -- positional@0 "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_kecsctl_db_trim() {
    repeating_flags=(--verbose -v)
    non_repeating_flags=(--force -n --dry-run --yes -y --quiet -q --no-color --version -h --help)
    repeating_options=()
    non_repeating_options=(--older --column --database --wait-lock --home --output -o --log-format --timeout)
    __kecsctl_offer_flags_options -1

    # Offer option value completions
    case "${prev}" in
    '--older')
        return
        ;;
    '--column')
        return
        ;;
    '--database')
        return
        ;;
    '--wait-lock')
        return
        ;;
    '--home')
        __kecsctl_add_completions -d
        return
        ;;
    '--output'|'-o')
        __kecsctl_add_completions -W 'table'$'\n''json'$'\n''yaml'$'\n''name'
        return
        ;;
    '--log-format')
        __kecsctl_add_completions -W 'text'$'\n''json'
        return
        ;;
    '--timeout')
        return
        ;;
    esac
}

_kecsctl_db_rescue() {
    repeating_flags=(--verbose -v)
    non_repeating_flags=(--accept --force -n --dry-run --yes -y --quiet -q --no-color --version -h --help)
    repeating_options=()
    non_repeating_options=(--database --wait-lock --home --output -o --log-format --timeout)
    __kecsctl_offer_flags_options 1

    # Offer option value completions
    case "${prev}" in
    '--database')
        __kecsctl_add_completions -f
        return
        ;;
    '--wait-lock')
        return
        ;;
    '--home')
        __kecsctl_add_completions -d
        return
        ;;
    '--output'|'-o')
        __kecsctl_add_completions -W 'table'$'\n''json'$'\n''yaml'$'\n''name'
        return
        ;;
    '--log-format')
        __kecsctl_add_completions -W 'text'$'\n''json'
        return
        ;;
    '--timeout')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    1)
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion db rescue -- positional@0 "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_kecsctl_doctor() {
    repeating_flags=(--verbose -v)
    non_repeating_flags=(-A --all --list-checks --fix --undo -n --dry-run --yes -y --quiet -q --no-color --version -h --help)
    repeating_options=(--instance --check)
    non_repeating_options=(--fail-on --profile --wait-lock --home --output -o --log-format --timeout)
    __kecsctl_offer_flags_options -1

    # Offer option value completions
    case "${prev}" in
    '--instance')
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion doctor -- --instance "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    '--check')
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion doctor -- --check "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    '--fail-on')
        __kecsctl_add_completions -W 'warning'$'\n''error'
        return
        ;;
    '--profile')
        __kecsctl_add_completions -W 'production'
        return
        ;;
    '--wait-lock')
        return
        ;;
    '--home')
        __kecsctl_add_completions -d
        return
        ;;
    '--output'|'-o')
        __kecsctl_add_completions -W 'table'$'\n''json'$'\n''yaml'$'\n''name'
        return
        ;;
    '--log-format')
        __kecsctl_add_completions -W 'text'$'\n''json'
        return
        ;;
    '--timeout')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    *)
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion doctor -- positional@0 "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_kecsctl_check() {
    repeating_flags=(--verbose -v)
    non_repeating_flags=(-A --all --quiet -q --no-color --version -h --help)
    repeating_options=(--instance)
    non_repeating_options=(--max-age --home --output -o --log-format --timeout)
    __kecsctl_offer_flags_options -1

    # Offer option value completions
    case "${prev}" in
    '--instance')
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion check -- --instance "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    '--max-age')
        return
        ;;
    '--home')
        __kecsctl_add_completions -d
        return
        ;;
    '--output'|'-o')
        __kecsctl_add_completions -W 'table'$'\n''json'$'\n''yaml'$'\n''name'
        return
        ;;
    '--log-format')
        __kecsctl_add_completions -W 'text'$'\n''json'
        return
        ;;
    '--timeout')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    *)
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion check -- positional@0 "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_kecsctl_schedule() {
    repeating_flags=()
    non_repeating_flags=(--version -h --help)
    repeating_options=()
    non_repeating_options=()
    __kecsctl_offer_flags_options 0

    # Offer subcommand / subcommand argument completions
    local -r subcommand="${unparsed_words[0]}"
    unset 'unparsed_words[0]'
    unparsed_words=("${unparsed_words[@]}")
    case "${subcommand}" in
    install|show|remove)
        # Offer subcommand argument completions
        "_kecsctl_schedule_${subcommand}"
        ;;
    *)
        # Offer subcommand completions
        COMPREPLY+=($(compgen -W 'install show remove' -- "${cur}"))
        ;;
    esac
}

_kecsctl_schedule_install() {
    repeating_flags=(--verbose -v)
    non_repeating_flags=(-A --all --cron --systemd --boot -n --dry-run --yes -y --quiet -q --no-color --version -h --help)
    repeating_options=(--instance)
    non_repeating_options=(--at --every --drill --keep --keep-within --keep-daily --keep-weekly --keep-monthly --wait-lock --home --output -o --log-format --timeout)
    __kecsctl_offer_flags_options -1

    # Offer option value completions
    case "${prev}" in
    '--instance')
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion schedule install -- --instance "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    '--at')
        return
        ;;
    '--every')
        return
        ;;
    '--drill')
        __kecsctl_add_completions -W 'weekly'
        return
        ;;
    '--keep')
        return
        ;;
    '--keep-within')
        return
        ;;
    '--keep-daily')
        return
        ;;
    '--keep-weekly')
        return
        ;;
    '--keep-monthly')
        return
        ;;
    '--wait-lock')
        return
        ;;
    '--home')
        __kecsctl_add_completions -d
        return
        ;;
    '--output'|'-o')
        __kecsctl_add_completions -W 'table'$'\n''json'$'\n''yaml'$'\n''name'
        return
        ;;
    '--log-format')
        __kecsctl_add_completions -W 'text'$'\n''json'
        return
        ;;
    '--timeout')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    *)
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion schedule install -- positional@0 "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_kecsctl_schedule_show() {
    repeating_flags=(--verbose -v)
    non_repeating_flags=(-A --all --quiet -q --no-color --version -h --help)
    repeating_options=(--instance)
    non_repeating_options=(--home --output -o --log-format --timeout)
    __kecsctl_offer_flags_options -1

    # Offer option value completions
    case "${prev}" in
    '--instance')
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion schedule show -- --instance "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    '--home')
        __kecsctl_add_completions -d
        return
        ;;
    '--output'|'-o')
        __kecsctl_add_completions -W 'table'$'\n''json'$'\n''yaml'$'\n''name'
        return
        ;;
    '--log-format')
        __kecsctl_add_completions -W 'text'$'\n''json'
        return
        ;;
    '--timeout')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    *)
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion schedule show -- positional@0 "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_kecsctl_schedule_remove() {
    repeating_flags=(--verbose -v)
    non_repeating_flags=(-A --all -n --dry-run --yes -y --quiet -q --no-color --version -h --help)
    repeating_options=(--instance)
    non_repeating_options=(--wait-lock --home --output -o --log-format --timeout)
    __kecsctl_offer_flags_options -1

    # Offer option value completions
    case "${prev}" in
    '--instance')
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion schedule remove -- --instance "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    '--wait-lock')
        return
        ;;
    '--home')
        __kecsctl_add_completions -d
        return
        ;;
    '--output'|'-o')
        __kecsctl_add_completions -W 'table'$'\n''json'$'\n''yaml'$'\n''name'
        return
        ;;
    '--log-format')
        __kecsctl_add_completions -W 'text'$'\n''json'
        return
        ;;
    '--timeout')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    *)
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion schedule remove -- positional@0 "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_kecsctl_metrics() {
    repeating_flags=(--verbose -v)
    non_repeating_flags=(--quiet -q --no-color --version -h --help)
    repeating_options=()
    non_repeating_options=(--textfile --home --output -o --log-format --timeout)
    __kecsctl_offer_flags_options 0

    # Offer option value completions
    case "${prev}" in
    '--textfile')
        __kecsctl_add_completions -f
        return
        ;;
    '--home')
        __kecsctl_add_completions -d
        return
        ;;
    '--output'|'-o')
        __kecsctl_add_completions -W 'table'$'\n''json'$'\n''yaml'$'\n''name'
        return
        ;;
    '--log-format')
        __kecsctl_add_completions -W 'text'$'\n''json'
        return
        ;;
    '--timeout')
        return
        ;;
    esac
}

_kecsctl_test() {
    repeating_flags=()
    non_repeating_flags=(--version -h --help)
    repeating_options=()
    non_repeating_options=()
    __kecsctl_offer_flags_options 0

    # Offer subcommand / subcommand argument completions
    local -r subcommand="${unparsed_words[0]}"
    unset 'unparsed_words[0]'
    unparsed_words=("${unparsed_words[@]}")
    case "${subcommand}" in
    persistence)
        # Offer subcommand argument completions
        "_kecsctl_test_${subcommand}"
        ;;
    *)
        # Offer subcommand completions
        COMPREPLY+=($(compgen -W 'persistence' -- "${cur}"))
        ;;
    esac
}

_kecsctl_test_persistence() {
    repeating_flags=(--verbose -v)
    non_repeating_flags=(-n --dry-run --yes -y --quiet -q --no-color --version -h --help)
    repeating_options=()
    non_repeating_options=(--instance --wait-lock --home --output -o --log-format --timeout)
    __kecsctl_offer_flags_options 1

    # Offer option value completions
    case "${prev}" in
    '--instance')
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion test persistence -- --instance "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    '--wait-lock')
        return
        ;;
    '--home')
        __kecsctl_add_completions -d
        return
        ;;
    '--output'|'-o')
        __kecsctl_add_completions -W 'table'$'\n''json'$'\n''yaml'$'\n''name'
        return
        ;;
    '--log-format')
        __kecsctl_add_completions -W 'text'$'\n''json'
        return
        ;;
    '--timeout')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    1)
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion test persistence -- positional@0 "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_kecsctl_history() {
    repeating_flags=(--verbose -v)
    non_repeating_flags=(-A --all --quiet -q --no-color --version -h --help)
    repeating_options=(--instance)
    non_repeating_options=(--since --last --home --output -o --log-format --timeout)
    __kecsctl_offer_flags_options -1

    # Offer option value completions
    case "${prev}" in
    '--instance')
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion history -- --instance "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    '--since')
        return
        ;;
    '--last')
        return
        ;;
    '--home')
        __kecsctl_add_completions -d
        return
        ;;
    '--output'|'-o')
        __kecsctl_add_completions -W 'table'$'\n''json'$'\n''yaml'$'\n''name'
        return
        ;;
    '--log-format')
        __kecsctl_add_completions -W 'text'$'\n''json'
        return
        ;;
    '--timeout')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    *)
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion history -- positional@0 "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_kecsctl_config() {
    repeating_flags=()
    non_repeating_flags=(--version -h --help)
    repeating_options=()
    non_repeating_options=()
    __kecsctl_offer_flags_options 0

    # Offer subcommand / subcommand argument completions
    local -r subcommand="${unparsed_words[0]}"
    unset 'unparsed_words[0]'
    unparsed_words=("${unparsed_words[@]}")
    case "${subcommand}" in
    show|get|set|check)
        # Offer subcommand argument completions
        "_kecsctl_config_${subcommand}"
        ;;
    *)
        # Offer subcommand completions
        COMPREPLY+=($(compgen -W 'show get set check' -- "${cur}"))
        ;;
    esac
}

_kecsctl_config_show() {
    repeating_flags=(--verbose -v)
    non_repeating_flags=(--origin --quiet -q --no-color --version -h --help)
    repeating_options=()
    non_repeating_options=(--instance --home --output -o --log-format --timeout)
    __kecsctl_offer_flags_options 1

    # Offer option value completions
    case "${prev}" in
    '--instance')
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion config show -- --instance "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    '--home')
        __kecsctl_add_completions -d
        return
        ;;
    '--output'|'-o')
        __kecsctl_add_completions -W 'table'$'\n''json'$'\n''yaml'$'\n''name'
        return
        ;;
    '--log-format')
        __kecsctl_add_completions -W 'text'$'\n''json'
        return
        ;;
    '--timeout')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    1)
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion config show -- positional@0 "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_kecsctl_config_get() {
    repeating_flags=(--verbose -v)
    non_repeating_flags=(--origin --quiet -q --no-color --version -h --help)
    repeating_options=()
    non_repeating_options=(--instance --home --output -o --log-format --timeout)
    __kecsctl_offer_flags_options 2

    # Offer option value completions
    case "${prev}" in
    '--instance')
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion config get -- --instance "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    '--home')
        __kecsctl_add_completions -d
        return
        ;;
    '--output'|'-o')
        __kecsctl_add_completions -W 'table'$'\n''json'$'\n''yaml'$'\n''name'
        return
        ;;
    '--log-format')
        __kecsctl_add_completions -W 'text'$'\n''json'
        return
        ;;
    '--timeout')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    1)
        __kecsctl_add_completions -W 'runtime'$'\n''dataDir'$'\n''database'$'\n''containerMode'$'\n''dockerHost'$'\n''dockerContext'$'\n''dockerConfig'$'\n''command'$'\n''healthUrl'$'\n''image'$'\n''container'$'\n''containerId'$'\n''owner'$'\n''address'$'\n''volumes'$'\n''volumeLabel'$'\n''composeFile'$'\n''composeProfiles'$'\n''composeService'$'\n''composeProject'$'\n''apiPort'$'\n''adminPort'$'\n''kubePort'$'\n''k3sImage'$'\n''agents'$'\n''components'$'\n''httpPort'$'\n''httpsPort'$'\n''veleroBackup'$'\n''objectStore'$'\n''objectStoreImage'$'\n''veleroImage'$'\n''veleroPluginImage'$'\n''veleroRights'$'\n''veleroVolumes'$'\n''autoRecoverState'$'\n''keepClustersOnShutdown'$'\n''compression'$'\n''consistency'$'\n''maxPause'$'\n''keep'$'\n''keepWithin'$'\n''keepDaily'$'\n''keepWeekly'$'\n''keepMonthly'$'\n''timeZone'$'\n''ignoreChanging'$'\n''exclude'$'\n''excludeCaches'$'\n''latestLink'$'\n''startLimit'$'\n''drillAge'$'\n''diskPercent'$'\n''dataLimit'$'\n''databaseLimit'
        return
        ;;
    2)
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion config get -- positional@1 "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_kecsctl_config_set() {
    repeating_flags=(--verbose -v)
    non_repeating_flags=(--unset -n --dry-run --yes -y --quiet -q --no-color --version -h --help)
    repeating_options=()
    non_repeating_options=(--instance --wait-lock --home --output -o --log-format --timeout)
    __kecsctl_offer_flags_options 2

    # Offer option value completions
    case "${prev}" in
    '--instance')
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion config set -- --instance "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    '--wait-lock')
        return
        ;;
    '--home')
        __kecsctl_add_completions -d
        return
        ;;
    '--output'|'-o')
        __kecsctl_add_completions -W 'table'$'\n''json'$'\n''yaml'$'\n''name'
        return
        ;;
    '--log-format')
        __kecsctl_add_completions -W 'text'$'\n''json'
        return
        ;;
    '--timeout')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    1)
        __kecsctl_add_completions -W 'runtime'$'\n''dataDir'$'\n''database'$'\n''containerMode'$'\n''dockerHost'$'\n''dockerContext'$'\n''dockerConfig'$'\n''command'$'\n''healthUrl'$'\n''image'$'\n''container'$'\n''containerId'$'\n''owner'$'\n''address'$'\n''volumes'$'\n''volumeLabel'$'\n''composeFile'$'\n''composeProfiles'$'\n''composeService'$'\n''composeProject'$'\n''apiPort'$'\n''adminPort'$'\n''kubePort'$'\n''k3sImage'$'\n''agents'$'\n''components'$'\n''httpPort'$'\n''httpsPort'$'\n''veleroBackup'$'\n''objectStore'$'\n''objectStoreImage'$'\n''veleroImage'$'\n''veleroPluginImage'$'\n''veleroRights'$'\n''veleroVolumes'$'\n''autoRecoverState'$'\n''keepClustersOnShutdown'$'\n''compression'$'\n''consistency'$'\n''maxPause'$'\n''keep'$'\n''keepWithin'$'\n''keepDaily'$'\n''keepWeekly'$'\n''keepMonthly'$'\n''timeZone'$'\n''ignoreChanging'$'\n''exclude'$'\n''excludeCaches'$'\n''latestLink'$'\n''startLimit'$'\n''drillAge'$'\n''diskPercent'$'\n''dataLimit'$'\n''databaseLimit'
        return
        ;;
    2)
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion config set -- positional@1 "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_kecsctl_config_check() {
    repeating_flags=(--verbose -v)
    non_repeating_flags=(--quiet -q --no-color --version -h --help)
    repeating_options=()
    non_repeating_options=(--home --output -o --log-format --timeout)
    __kecsctl_offer_flags_options 0

    # Offer option value completions
    case "${prev}" in
    '--home')
        __kecsctl_add_completions -d
        return
        ;;
    '--output'|'-o')
        __kecsctl_add_completions -W 'table'$'\n''json'$'\n''yaml'$'\n''name'
        return
        ;;
    '--log-format')
        __kecsctl_add_completions -W 'text'$'\n''json'
        return
        ;;
    '--timeout')
        return
        ;;
    esac
}

_kecsctl_render() {
    repeating_flags=(--verbose -v)
    non_repeating_flags=(--quiet -q --no-color --version -h --help)
    repeating_options=()
    non_repeating_options=(--instance --home --output -o --log-format --timeout)
    __kecsctl_offer_flags_options 2

    # Offer option value completions
    case "${prev}" in
    '--instance')
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion render -- --instance "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    '--home')
        __kecsctl_add_completions -d
        return
        ;;
    '--output'|'-o')
        __kecsctl_add_completions -W 'table'$'\n''json'$'\n''yaml'$'\n''name'
        return
        ;;
    '--log-format')
        __kecsctl_add_completions -W 'text'$'\n''json'
        return
        ;;
    '--timeout')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    1)
        __kecsctl_add_completions -W 'compose'$'\n''docker'$'\n''kubernetes'$'\n''entrypoint'$'\n''env'$'\n''dockerfile'$'\n''github-actions'$'\n''minio'$'\n''velero'
        return
        ;;
    2)
        __kecsctl_add_completions -W "$(__kecsctl_custom_complete ---completion render -- positional@1 "${COMP_CWORD}" "$(__kecsctl_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_kecsctl_completions() {
    repeating_flags=(--verbose -v)
    non_repeating_flags=(--quiet -q --no-color --version -h --help)
    repeating_options=()
    non_repeating_options=(--home --output -o --log-format --timeout)
    __kecsctl_offer_flags_options 1

    # Offer option value completions
    case "${prev}" in
    '--home')
        __kecsctl_add_completions -d
        return
        ;;
    '--output'|'-o')
        __kecsctl_add_completions -W 'table'$'\n''json'$'\n''yaml'$'\n''name'
        return
        ;;
    '--log-format')
        __kecsctl_add_completions -W 'text'$'\n''json'
        return
        ;;
    '--timeout')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    1)
        __kecsctl_add_completions -W 'bash'$'\n''zsh'$'\n''fish'
        return
        ;;
    esac
}

_kecsctl_version() {
    repeating_flags=(--verbose -v)
    non_repeating_flags=(--quiet -q --no-color --version -h --help)
    repeating_options=()
    non_repeating_options=(--home --output -o --log-format --timeout)
    __kecsctl_offer_flags_options 0

    # Offer option value completions
    case "${prev}" in
    '--home')
        __kecsctl_add_completions -d
        return
        ;;
    '--output'|'-o')
        __kecsctl_add_completions -W 'table'$'\n''json'$'\n''yaml'$'\n''name'
        return
        ;;
    '--log-format')
        __kecsctl_add_completions -W 'text'$'\n''json'
        return
        ;;
    '--timeout')
        return
        ;;
    esac
}

_kecsctl_help() {
    repeating_flags=()
    non_repeating_flags=(--version)
    repeating_options=()
    non_repeating_options=()
    __kecsctl_offer_flags_options -1
}

complete -o filenames -F _kecsctl kecsctl
