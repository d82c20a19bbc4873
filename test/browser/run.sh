#!/bin/sh
# The admin page in Debian's Chromium, and its metrics before Prometheus' own eyes. Where the two can neither be found nor
# installed, a line says so, and nothing fails.
set -eu
cd "$(dirname "$0")/../.."
for tool in chromium:chromium promtool:prometheus; do
  name=${tool%:*}
  command -v "$name" >/dev/null && continue
  { apt-get update && apt-get install -y --no-install-recommends "${tool#*:}"; } >/dev/null 2>&1 ||
    echo "skipped what needs $name: it is not here, and apt-get cannot install it" >&2
done
node --test test/browser/admin.mjs
if command -v promtool >/dev/null; then node --test build/test/admin.test.js; fi
