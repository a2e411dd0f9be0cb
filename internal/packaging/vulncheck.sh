#!/usr/bin/env bash
# Runs govulncheck on the module. A finding fails; where the tool or its database cannot be
# reached it says that nothing was checked, and does not.
#   vulncheck.sh PACKAGE@VERSION [GOVULNCHECK FLAG...]
set -o errexit -o pipefail -o nounset
cd "$(dirname "$0")/../.."

tool=$1
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

not_run() { # WHY
  echo "vulncheck: NOT RUN: $1"
  sed -n '/^go: downloading/d; s/^/vulncheck:   /p' "$work/log"
  exit 0
}

# Installed, not "go run": that would turn each exit status into 1.
GOBIN="$work" go install "$tool" 2>"$work/log" || not_run "$tool could not be installed"

status=0
"$work/govulncheck" "$@" ./... >"$work/log" 2>&1 || status=$?
if ((status == 1)) && grep -q 'govulncheck: fetching vulnerabilities' "$work/log"; then
  not_run "the vulnerability database could not be reached"
fi
cat "$work/log"
exit "$status"
