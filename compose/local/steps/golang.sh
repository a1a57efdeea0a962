# The programs of tests/faults that are written in Go: toxiproxy, which spoils connections, and the linearizability checker
# (porcupine). Modules and their sums are pinned by tests/faults/go.mod and go.sum.
#
# Debian's Go is too old for them and too old to fetch a newer one by itself; but the newer one is a module like any other, so
# Debian's can download and verify it. A machine that has a new enough Go needs no download.

readonly GO_MINOR_MIN=24 # 1.24
readonly GO_TOOLCHAIN=v0.0.1-go1.24.6.linux-$(dpkg --print-architecture)
readonly GO_HOME="$ORDERLOG_CACHE/go"
readonly FAULTS="$HERE/../../tests/faults"

# go_environment COMMAND... : with caches of our own, and nothing of the user's settings but how to reach modules.
go_environment() {
	env -u GOROOT -u GOWORK GOENV=off GOTOOLCHAIN=local GOPATH="$GO_HOME" GOMODCACHE="$GO_HOME/mod" GOCACHE="$GO_HOME/build" CGO_ENABLED=0 \
		GOFLAGS="-modcacherw -trimpath -buildvcs=false" "$@"
}

go_is_new_enough() {
	local minor
	minor=$(go_environment "$1" env GOVERSION 2>/dev/null | sed -nE 's/^go1\.([0-9]+).*/\1/p')
	[[ -n $minor ]] && ((minor >= GO_MINOR_MIN))
}

# Downloads the pinned toolchain by the Go on this machine; its module's sum is that of the public checksum database.
fetch_toolchain() {
	local scratch
	scratch=$(new_scratch)
	# A folder without go.mod: `go mod download` then needs no main module.
	(cd "$scratch" && retry "go mod download golang.org/toolchain" go_environment go mod download "golang.org/toolchain@$GO_TOOLCHAIN")
	rm -rf "$scratch"
	chmod -R u+x "$GO_HOME/mod/golang.org/toolchain@$GO_TOOLCHAIN/bin" "$GO_HOME/mod/golang.org/toolchain@$GO_TOOLCHAIN/pkg/tool"
}

# build_go PROGRAM PACKAGE : into the cache's bin.
build_go() {
	local go=go scratch
	if ! go_is_new_enough go; then
		fetch_toolchain
		go="$GO_HOME/mod/golang.org/toolchain@$GO_TOOLCHAIN/bin/go"
		go_is_new_enough "$go"
	fi
	scratch=$(new_scratch)
	cd "$FAULTS"
	retry "go mod download" go_environment "$go" mod download
	go_environment "$go" build -o "$scratch/$1" "$2"
	mkdir -p "$ORDERLOG_CACHE/bin"
	mv "$scratch/$1" "$ORDERLOG_CACHE/bin/"
	rm -rf "$scratch" "$GO_HOME/build" # hundreds of megabytes that nobody needs again
}

build_toxiproxy() { build_go toxiproxy-server github.com/Shopify/toxiproxy/v2/cmd/server; }
build_linearizability() { build_go linearizability ./linearizability; }

step_go_programs() {
	local pinned=("$ORDERLOG_CACHE" "$HERE/steps/golang.sh" "$FAULTS/go.mod" "$FAULTS/go.sum")
	step toxiproxy "$(hash_of "${pinned[@]}")" "toxiproxy" build_toxiproxy
	step linearizability "$(hash_of "${pinned[@]}" "$FAULTS"/linearizability/*.go)" "linearizability checker" build_linearizability
}
