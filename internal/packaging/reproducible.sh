#!/usr/bin/env bash
# Builds prestop from two copies of the tree, in different directories and with separate empty
# build caches, and fails unless both give the same bytes.
#   reproducible.sh VERSION
set -o errexit -o pipefail -o nounset
cd "$(dirname "$0")/../.."

version=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

one=$work/a
two=$work/another/and/a/longer/path
mkdir -p "$one" "$two"
tar --exclude=./.git --exclude=./bin --exclude=./dist -cf - . | tar -C "$one" -xf -
cp -R "$one/." "$two"

for copy in "$one" "$two"; do
  GOCACHE="$copy.cache" make --no-print-directory -C "$copy" hook VERSION="$version"
done
cmp "$one/bin/prestop" "$two/bin/prestop"
echo "reproducible: sha256 $(sha256sum <"$one/bin/prestop" | cut -d' ' -f1), $(stat -c %s "$one/bin/prestop") bytes, twice"
