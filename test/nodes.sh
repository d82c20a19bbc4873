#!/bin/sh
# Runs the suite on each Node.js version that the project promises, with the code as built for all of them.
set -eu
cd "$(dirname "$0")/.."
npm run --silent build:all
for version in ${NODES:-20 22 24 26}; do
  echo "Node.js $version: $(npx --yes --package "node@$version" node --version)"
  npx --yes --package "node@$version" node --enable-source-maps --test --test-concurrency=2 build/test/*.test.js
done
