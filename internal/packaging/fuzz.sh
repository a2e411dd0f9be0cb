#!/usr/bin/env bash
# Runs each fuzz target of the tree, one after the other, and fails at the first finding.
#   fuzz.sh DURATION
set -o errexit -o pipefail -o nounset
cd "$(dirname "$0")/../.."

duration=$1
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# Go 1.26 at times reports the end of its own fuzzing time as a failure (go.dev/issue/75804):
# no input, no file and line, just these words.
only_time_was_up() {
  grep -qx '    context deadline exceeded' "$log" && ! grep -q 'Failing input written' "$log"
}

targets=$(grep -rE --include='*_test.go' '^func Fuzz[A-Za-z0-9_]*\(' . |
  sed -E 's|^(.*)/[^/]*:func (Fuzz[A-Za-z0-9_]*).*|\1 \2|' | sort) || { echo "fuzz: no targets found"; exit 1; }
count=0
while read -r package name; do
  echo "fuzz: $name in $package for $duration"
  if ! go test -run='^$' -fuzz="^$name\$" -fuzztime="$duration" "$package" >"$log" 2>&1; then
    only_time_was_up || { cat "$log"; exit 1; }
  fi
  grep '^fuzz: elapsed' "$log" | tail -n 1
  count=$((count + 1))
done <<<"$targets"
echo "fuzz: $count targets, no finding"
