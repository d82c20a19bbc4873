#!/bin/sh
# Builds the Rust contestants into bench/rust/target/release/contestants, offline from Debian's packages
# librust-tokio-dev and librust-crossbeam-channel-dev where they are installed, otherwise from the usual registry.
set -eu
cd "$(dirname "$0")"

debian=/usr/share/cargo/registry
if ls -d "$debian"/tokio-[0-9]* "$debian"/crossbeam-channel-[0-9]* >/dev/null 2>&1; then
  set -- --offline \
    --config 'source.crates-io.replace-with = "debian"' \
    --config "source.debian.directory = \"$debian\""
  rm -f Cargo.lock # one made from other crates would not fit
fi
exec cargo build --quiet --release --target-dir target "$@"
