
# TAKES, here and above, is words with '|' between them: one in lower case can be typed as it is, others say what follows
# (URI, DIR, FILE, ...); a ',' after the last one: a list of them can be given.

# words[]: the words up to the cursor. Readline also cuts at ':' and '='; these cuts are undone.
_weft_words() {
    local line=${COMP_LINE:0:COMP_POINT} rest piece i
    words=()
    for ((i = 0; i <= COMP_CWORD; i++)); do
        rest=${line#"${line%%[![:space:]]*}"}
        piece=$rest
        ((i == COMP_CWORD)) || piece=${COMP_WORDS[i]}
        if ((i == 0)) || [[ $rest != "$line" ]]; then
            words+=("$piece")
        else
            words[-1]+=$piece
        fi
        line=${rest#"$piece"}
    done
}

# takes: what the option $1 of the verb at hand is followed by, or nothing
_weft_option() {
    local option
    takes=
    for option in "${options[@]}"; do
        [[ $option == "$1 "* ]] && takes=${option#* }
    done
}

_weft_word() {          # PREFIX WORD CANDIDATE...
    local candidate
    for candidate in "${@:3}"; do
        [[ $candidate == "$2"* ]] && COMPREPLY+=("$1$candidate")
    done
}

_weft_paths() {         # PREFIX PATH PATTERN: directories, and files that match
    local path=${2//\\/} found
    path=${path#[\"\']}
    while IFS= read -r found; do
        COMPREPLY+=("$1$found")
    done < <({ compgen -d -- "$path"; compgen -f -X "!$3" -- "$path"; } | sort -u)
    compopt -o filenames 2>/dev/null
}

_weft_source() {        # PREFIX URI
    local form
    for form in "${_weft_sources[@]}"; do
        if [[ $2 != "${form%%:*}:"* ]]; then
            _weft_word "$1" "$2" "${form%%:*}:"
        elif [[ $form != *: ]]; then
            _weft_paths "$1${form%%:*}:" "${2#*:}" "*"
        fi
    done
}

_weft_place() {         # PREFIX PATH TAKES
    case $3 in
        DIR*) _weft_paths "$1" "$2" "" ;;
        CHECKPOINT*) _weft_paths "$1" "$2" "*.h5" ;;
        FILE.*) _weft_paths "$1" "$2" "*.${3#FILE.}" ;;
        FILE*) _weft_paths "$1" "$2" "*" ;;
        *.ini*) _weft_paths "$1" "$2" "*.ini" ;;
    esac
}

_weft_offer() {         # PREFIX WORD TAKES
    local prefix=$1 word=$2 takes=${3%,} each alternatives
    if [[ $3 == *, && $word == *,* ]]; then
        prefix+=${word%,*},
        word=${word##*,}
    fi
    IFS='|' read -ra alternatives <<<"$takes"
    for each in "${alternatives[@]}"; do
        case $each in
            URI) _weft_source "$prefix" "$word" ;;
            SECTION.KEY=VALUE)
                if [[ $word == *=* ]]; then
                    _weft_setting "${word%%=*}"
                    _weft_offer "$prefix${word%%=*}=" "${word#*=}" "$takes"
                else
                    _weft_word "$prefix" "$word" "${_weft_settings[@]/%/=}"
                fi ;;
            *[A-Z]*) _weft_place "$prefix" "$word" "$each" ;;
            *) _weft_word "$prefix" "$word" "$each" ;;
        esac
    done
}

# takes: what stands in place $1 (0 first) of the verb's operands
_weft_operand() {
    local last=$((${#operands[@]} - 1))
    takes=
    if ((last >= 0)); then
        takes=${operands[$1 > last ? last : $1]}
        (($1 <= last)) || [[ $takes == *... ]] || takes=
        takes=${takes%...}
    fi
}

_weft() {
    local words=() options=() operands=() takes="" place=0 only_operands="" word i cut=""
    COMPREPLY=()
    _weft_words
    word=${words[-1]}
    if ((${#words[@]} == 2)); then
        _weft_word "" "$word" "${_weft_verbs[@]}" help version
        return
    elif [[ ${words[1]} == help ]]; then
        _weft_word "" "$word" "${_weft_verbs[@]}" data
        return
    fi
    _weft_verb "${words[1]}"
    for ((i = 2; i < ${#words[@]} - 1; i++)); do
        if [[ -n $takes ]]; then
            takes=
        elif [[ -n $only_operands || ${words[i]} != -* ]]; then
            ((place++))
        elif [[ ${words[i]} == -- ]]; then
            only_operands=yes
        else
            _weft_option "${words[i]}"
        fi
    done
    if [[ -n $takes ]]; then
        _weft_offer "" "$word" "$takes"
    elif [[ -z $only_operands && $word == --*=* ]]; then
        _weft_option "${word%%=*}"
        _weft_offer "${word%%=*}=" "${word#*=}" "$takes"
    elif [[ -z $only_operands && $word == -* ]]; then
        _weft_word "" "$word" "${options[@]%% *}"
    else
        _weft_operand "$place"
        _weft_offer "" "$word" "$takes"
    fi
    [[ ${COMPREPLY[0]} != *[=:] ]] || compopt -o nospace 2>/dev/null
    # readline puts the answer in place of what follows the last of its cuts
    for i in : =; do
        [[ $COMP_WORDBREAKS == *$i* && $word == "$cut"*$i* ]] && cut=${word%"$i"*}$i
    done
    COMPREPLY=("${COMPREPLY[@]#"$cut"}")
}
complete -F _weft weft
