#!/bin/sh
# The proofs at length, about three quarters of an hour: `npm run test:deep`, or, with minutes for each of the long parts,
#
#   npm run test:deep -- SCHEDULES STRESS CHAOS SOAK        default: 28 3 3 10
#
# SEED=n chooses other random schedules. A part that fails ends the run; the figures so far are printed in any case.
set -eu
cd "$(dirname "$0")/.."

FIGURES=$(mktemp)
export FIGURES
trap 'echo; echo "figures:"; cat "$FIGURES"; rm -f "$FIGURES"' EXIT

trap 'exit 130' INT TERM

run() { node --enable-source-maps "$@"; }
suite() { run --test --test-reporter=spec "$@"; }

run build/test/interleave.deep.js "${1:-28}" "${SEED:-1}"
suite --test-name-pattern 'the scheduler finds' build/test/interleave.test.js
STRESS_SECONDS=$((${2:-3} * 60)) suite build/test/channel.stress.test.js
run build/test/chaos.deep.js "${3:-3}"
run build/test/soak.deep.js "${4:-10}"
HOSTILE_CONNECTIONS=10000 HOSTILE_ANSWER_MS=250 suite build/test/hostile.test.js
