#!/usr/bin/env bash
# Makes a release from two copies of the tree, in different directories, and fails unless both have the same bytes. The second
# has a build cache of its own, which is empty. The programs must be those of the Makefile.
#   reproducible.sh ARCH
set -o errexit -o pipefail -o nounset
cd "$(dirname "$0")/../.."

arch=$1
version=v0.0.0-reproducible
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

one=$work/a
two=$work/another/and/a/longer/path
mkdir -p "$one" "$two"
tar --exclude=./.git --exclude=./bin --exclude=./dist -cf - . | tar -C "$one" -xf -
cp -R "$one/." "$two"

release() { # COPY CACHE
  SOURCE_DATE_EPOCH=1700000000 GOCACHE=$2 "$work/release" -version="$version" -arches="$arch" -desktops= -commit=none -tree="$1" -out="$1/dist/release"
}

go build -o "$work/release" ./internal/packaging/release
release "$one" "$(go env GOCACHE)" >/dev/null
(umask 0077 && TZ=Asia/Kolkata LC_ALL=C release "$two" "$work/cache" >/dev/null)
diff --recursive "$one/dist/release" "$two/dist/release"
(cd "$two/dist/release" && sha256sum --check --quiet SHA256SUMS)

make --no-print-directory -C "$one" cross ARCHES="$arch" VERSION="$version" >/dev/null
tar -xzf "$one/dist/release/prestop_${version#v}_linux_$arch.tar.gz" -C "$work" prestop
cmp "$work/prestop" "$one/dist/prestop-linux-$arch"
echo "reproducible: a release for linux/$arch, twice the same; prestop has $(stat -c %s "$work/prestop") bytes, as from make cross"
