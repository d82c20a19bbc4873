#!/bin/sh
# The proofs at length: `npm run test:deep`, about 20 minutes, or as many minutes of schedules and of stress as given.
set -eu
cd "$(dirname "$0")/.."
node --enable-source-maps build/test/interleave.deep.js "${1:-12}" "${SEED:-1}"
STRESS_SECONDS=$((${2:-5} * 60)) node --enable-source-maps --test --test-reporter=spec build/test/channel.stress.test.js
for run in 1 2 3 4 5; do
  node --enable-source-maps --test --test-reporter=spec build/test/kill.test.js
done
HOSTILE_CONNECTIONS=10000 node --enable-source-maps --test --test-reporter=spec build/test/hostile.test.js
