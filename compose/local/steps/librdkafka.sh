# librdkafka, from the source that Confluent's Node client carries.
#
# Two builds: one for use, and one for ThreadSanitizer, which needs every thread and lock to go through pthreads (it
# does not know C11 threads) and the library to be instrumented (its atomics order what the queues hand over).

readonly RDKAFKA_VERSION=2.15.1
readonly RDKAFKA_PACKAGE=@confluentinc/kafka-javascript@1.10.1
readonly RDKAFKA_TARBALL=confluentinc-kafka-javascript-1.10.1.tgz
readonly RDKAFKA_SHA256=ada7d703bb1d3237e2292bfabf438d663b6160c9f1ac2a2406b5dc4257c81b66
readonly RDKAFKA_MUST_HAVE=(WITH_SSL WITH_SASL_SCRAM WITH_ZSTD WITH_ZLIB WITH_LZ4_EXT WITH_CURL)

fetch_librdkafka() {
	local file="$ORDERLOG_CACHE/downloads/$RDKAFKA_TARBALL"
	if [[ ! -f $file ]]; then
		retry "npm pack $RDKAFKA_PACKAGE" npm pack --loglevel error --pack-destination "$1" "$RDKAFKA_PACKAGE"
		expect_sha256 "$1/$RDKAFKA_TARBALL" "$RDKAFKA_SHA256"
		mv "$1/$RDKAFKA_TARBALL" "$file"
	fi
	expect_sha256 "$file" "$RDKAFKA_SHA256"
	tar -xzf "$file" -C "$1" package/deps/librdkafka
}

# build_librdkafka PREFIX CFLAGS CONFIGURE_OPTION...
build_librdkafka() {
	local prefix=$1 cflags=$2 scratch feature
	shift 2
	scratch=$(new_scratch)
	fetch_librdkafka "$scratch"
	cd "$scratch/package/deps/librdkafka"
	./configure --prefix="$prefix" --CFLAGS="$cflags" "$@"
	for feature in "${RDKAFKA_MUST_HAVE[@]}"; do
		grep -q "^#define $feature 1" config.h ||
			{ echo "librdkafka was configured without $feature: is a -dev package missing?"; return 1; }
	done
	make -j"$(nproc)" libs
	mkdir -p "$prefix"
	make -C src install
	# Programs that link the shared library find it where it is, with no LD_LIBRARY_PATH.
	sed -i 's|^Libs: |Libs: -Wl,-rpath,${libdir} |' "$prefix/lib/pkgconfig/rdkafka.pc"
	[[ $(PKG_CONFIG_PATH="$prefix/lib/pkgconfig" pkg-config --modversion rdkafka) == "$RDKAFKA_VERSION" ]]
	rm -rf "$scratch"
}

build_librdkafka_plain() { build_librdkafka "$PREFIX" "-O2 -g"; }
build_librdkafka_tsan() { build_librdkafka "$PREFIX_TSAN" "-O1 -g -fsanitize=thread" --disable-c11threads --LDFLAGS=-fsanitize=thread; }

step_librdkafka() {
	step librdkafka "$(hash_of "$PREFIX" "$HERE/steps/librdkafka.sh")" "librdkafka $RDKAFKA_VERSION (1-3 min)" build_librdkafka_plain
}

step_librdkafka_tsan() {
	step librdkafka-tsan "$(hash_of "$PREFIX_TSAN" "$HERE/steps/librdkafka.sh")" \
		"librdkafka $RDKAFKA_VERSION for ThreadSanitizer" build_librdkafka_tsan
}
