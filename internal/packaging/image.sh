#!/usr/bin/env bash
# Builds the Dockerfile for real, without a registry, and checks what comes out.
#   image.sh VERSION
# Needs root, a Debian with apt (for buildah) and Go. The Go base image is stood in for by a root
# file system of this machine's own Go and shell; modules come from this machine's module cache.
set -o errexit -o pipefail -o nounset
cd "$(dirname "$0")/../.."

version=$1
work=$(mktemp -d)
chmod 0755 "$work"

# One copy of the tree for all that follows: nobody's edit comes in between.
mkdir "$work/tree"
tar --exclude=./.git --exclude=./bin --exclude=./dist -cf - . | tar -C "$work/tree" -xf -
cd "$work/tree"

say() { echo "image: $*"; }
fail() { say "FAILED: $*" >&2; exit 1; }

# Storage of its own, no daemon, no registry and no namespaces that a machine may refuse.
store() { buildah --root "$work/storage" --runroot "$work/run" --storage-driver vfs "$@"; }

cleanup() {
  store umount --all >/dev/null 2>&1 || true
  rm -rf "$work"
}
trap cleanup EXIT

need_buildah() {
  if command -v buildah >/dev/null; then return; fi
  say "installing buildah"
  apt-get -qq update
  DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends buildah >/dev/null
}

import_go_image() {
  local root container file
  container=$(store from scratch)
  root=$(store mount "$container")
  mkdir -p "$root"/{bin,go,proc,dev,sys,etc,tmp,root,usr/local/go}
  tar -C "$(go env GOROOT)" --exclude=src/cmd -cf - bin lib pkg src go.env VERSION | tar -C "$root/usr/local/go" -xf -
  cp -L /bin/sh "$root/bin/sh"
  for file in $(ldd /bin/sh | grep -oE '/[^ ]+'); do
    install -D "$file" "$root$file"
  done
  store config --env GOPATH=/go --env PATH=/usr/local/go/bin:/bin --env GOTOOLCHAIN=local \
    --env GOPROXY=file:///modules --workingdir /go --cmd /bin/sh "$container"
  store umount "$container" >/dev/null
  store commit --quiet --rm "$container" "localhost/golang:$(sed -nE 's/^FROM .*golang:([^ ]+).*/\1/p' Dockerfile)" >/dev/null
}

build_image() { # ARCH
  store bud --quiet --isolation chroot --pull-never --platform "linux/$1" --build-arg VERSION="$version" \
    --volume "$(go env GOMODCACHE)/cache/download:/modules:ro" --tag "localhost/prestop:$1" . >"$work/log" 2>&1 ||
    { cat "$work/log"; fail "buildah bud for $1"; }
}

config_of() { # ARCH FIELD
  store inspect --type image --format "{{printf \"%q\" .OCIv1.$2}}" "localhost/prestop:$1"
}

expect() { # WHAT GOT WANT
  [[ "$2" == "$3" ]] || fail "$1 is $2, expected $3"
  say "$1: $2"
}

check_image() { # ARCH
  local container root
  expect "$1 architecture" "$(config_of "$1" Architecture)" "\"$1\""
  expect "$1 user" "$(config_of "$1" Config.User)" '"65532:65532"'
  expect "$1 entry point" "$(config_of "$1" Config.Entrypoint)" '["/prestop"]'
  container=$(store from --pull-never --platform "linux/$1" "localhost/prestop:$1")
  root=$(store mount "$container")
  expect "$1 files" "$(find "$root" -mindepth 1 -printf '%y %m %U:%G /%P\n')" "f 755 0:0 /prestop"
  GOOS=linux GOARCH=$1 make --no-print-directory cross ARCHES="$1" VERSION="$version" >/dev/null
  cmp "$root/prestop" "dist/prestop-linux-$1" || fail "the image and make cross differ"
  say "$1 binary: $(stat -c %s "$root/prestop") bytes, the same as from make cross"
  store umount "$container" >/dev/null
}

# What a pod does with it: run it, and install it from an init container into an emptyDir.
try_image() { # ARCH
  local container shared=$work/shared
  mkdir --mode 0777 "$shared"
  chmod 0777 "$shared"
  container=$(store from --pull-never --platform "linux/$1" "localhost/prestop:$1")
  in_image() { store run --isolation chroot --volume "$shared:/shared" "$container" -- "$@"; }
  in_image /prestop version | grep -F "$version" || fail "prestop version does not say $version"
  in_image /prestop install /shared/
  expect "the installed copy" "$(stat -c '%a %u:%g' "$shared/prestop")" "755 65532:65532"
  cmp "$shared/prestop" "dist/prestop-linux-$1" || fail "the installed copy differs"
  in_image /shared/prestop version | grep -qF "$version" || fail "the installed copy does not run"
}

# The layout that make release writes is the image too, for tools that are not ours.
try_release() { # ARCH
  local container root
  SOURCE_DATE_EPOCH=0 go run ./internal/packaging/release -version=v0.0.0-image -commit=none -arches="$1" -out="$work/release" >/dev/null
  store tag "$(store pull --quiet "oci-archive:$work/release/prestop_0.0.0-image_oci.tar")" localhost/prestop:release
  expect "the release's user" "$(config_of release Config.User)" '"65532:65532"'
  container=$(store from --pull-never localhost/prestop:release)
  root=$(store mount "$container")
  expect "the release's files" "$(find "$root" -mindepth 1 -printf '%y %m %U:%G /%P\n')" "f 755 0:0 /prestop"
  store umount "$container" >/dev/null
  store run --isolation chroot "$container" -- /prestop version | grep -F v0.0.0-image || fail "the release's image does not say its version"
}

need_buildah
host=$(go env GOHOSTARCH)
other=arm64
[[ "$host" != arm64 ]] || other=amd64
go mod download
say "importing a stand-in for the Go base image"
import_go_image
for arch in "$host" "$other"; do
  say "building for $arch"
  build_image "$arch"
  check_image "$arch"
done
try_image "$host"
try_release "$host"
say "passed"
