#!/bin/sh
# A step of an installer: which local model does this computer run? The answer is kept in a folder, and set up when the user agreed.
#
#     install_step.sh FOLDER [yes|no]     yes: run the plan now; no (the default): leave it in FOLDER/plan.sh for later
#
# It leaves machine.json (what the computer is), recommendation.json (the whole answer), model.env (where clients send their requests),
# plan.sh (what to run), sizer.log (what went wrong). SIZER names the program, USE_CASE what the product does with the model.
#
# Exit codes: 0 model.env is there, for a local model or for the cloud when nothing local fits; 1 nothing could be decided and the product goes on
# without a model; 2 the installer itself is wrong; 130 interrupted.
set -u

folder=${1:-}
agreed=${2:-no}
sizer=${SIZER:-sizer}
use_case=${USE_CASE:-general}
[ -n "$folder" ] || { echo "usage: install_step.sh FOLDER [yes|no]" >&2; exit 2; }
mkdir -p "$folder" && : >"$folder/sizer.log" || exit 1

ask() { # a file, then the call: its standard output becomes that file only when all of it is there
    target=$folder/$1
    shift
    "$sizer" --quiet "$@" >"$target.part" 2>>"$folder/sizer.log"
    code=$?
    case $code in
        0 | 3) [ -s "$target.part" ] && mv -f "$target.part" "$target" || rm -f "$target.part" ;;
        *) rm -f "$target.part" ;;
    esac
    return "$code"
}

stop_unless_answered() { # the exit code of a call: what an installer does about each
    case $1 in
        0 | 3) return 0 ;;
        2) echo "the installer asked for something that does not exist; see $folder/sizer.log" >&2; exit 2 ;;
        4) echo "a file could not be read or written; see $folder/sizer.log" >&2; exit 1 ;;
        5) echo "something remote could not be reached; try again when there is a network" >&2; exit 1 ;;
        126 | 127) echo "$sizer could not be started" >&2; exit 1 ;;
        130) exit 130 ;;
        *) echo "sizer failed with $1; see $folder/sizer.log" >&2; exit 1 ;;
    esac
}

# The machine is looked at once; every further question is about the same description, so that the answers fit together.
ask machine.json probe --json
stop_unless_answered $?
ask recommendation.json recommend --machine "$folder/machine.json" --use-case "$use_case" --json
answer=$?
stop_unless_answered "$answer"
ask model.env recommend --machine "$folder/machine.json" --use-case "$use_case" --emit env
stop_unless_answered $?

if [ "$answer" = 3 ]; then
    rm -f "$folder/plan.sh"
    echo "No local model fits this computer well; model.env points at a cloud provider, which needs a key."
    exit 0
fi

ask plan.sh recommend --machine "$folder/machine.json" --use-case "$use_case" --emit shell
stop_unless_answered $?
# shellcheck source=/dev/null
. "$folder/model.env"
echo "Chosen: ${OPENAI_MODEL:-$OPENAI_EMBEDDING_MODEL} at $OPENAI_BASE_URL"
if [ "$agreed" = yes ]; then
    if sh "$folder/plan.sh" >>"$folder/sizer.log" 2>&1; then
        echo "It is set up."
    else
        echo "It could not be set up; run $folder/plan.sh again, it goes on where it stopped" >&2
        exit 1
    fi
fi
