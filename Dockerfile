# One static binary and nothing else:
#   docker build --build-arg VERSION="$(git describe --tags --always --dirty)" .

# BuildKit sets the platforms, so that Go cross-compiles instead of being emulated. For builders
# that do not: linux/amd64, and an empty GOOS or GOARCH is Go's own.
FROM --platform=${BUILDPLATFORM:-linux/amd64} golang:1.26 AS build
WORKDIR /src
ENV CGO_ENABLED=0 GOARM=6 GOFLAGS="-buildvcs=false -trimpath -tags=nethttpomithttp2"
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG TARGETOS
ARG TARGETARCH
ARG VERSION=dev
RUN GOOS=$TARGETOS GOARCH=$TARGETARCH \
    go build -ldflags="-s -w -X main.version=$VERSION" -o /prestop ./cmd/prestop

FROM scratch
ARG VERSION=dev
LABEL org.opencontainers.image.title="prestop" \
      org.opencontainers.image.description="A container's preStop hook in one static binary" \
      org.opencontainers.image.source="https://github.com/prestop/prestop" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION"
COPY --from=build /prestop /prestop
USER 65532:65532
ENTRYPOINT ["/prestop"]
