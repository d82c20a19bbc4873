#!/bin/sh
# Builds the Rust contestants into bench/rust/target/release/contestants.
#
# Offline from Debian's packages librust-tokio-dev and librust-crossbeam-channel-dev where they are installed, otherwise
# from the usual registry. Without cargo there is nothing to compare with, which is not an error.
set -eu
cd "$(dirname "$0")"

if ! command -v cargo >/dev/null; then
  echo 'bench/rust: cargo was not found, so the Rust contestants are left out'
  exit 0
fi

debian=/usr/share/cargo/registry
# true if a crate (its name, then a version) is among Debian's packages
packaged() { ls -d "$debian/$1"-[0-9]* >/dev/null 2>&1; }

if packaged tokio && packaged crossbeam-channel; then
  set -- --offline \
    --config 'source.crates-io.replace-with = "debian"' \
    --config "source.debian.directory = \"$debian\""
  rm -f Cargo.lock # one made from other crates would not fit
fi
exec cargo build --quiet --release --target-dir target "$@"
