# The Python and Node environments of the tests.

readonly TESTS="$HERE/../../tests"

build_python() {
	# Not made in a scratch folder and renamed: a virtual environment has its own path in its scripts.
	rm -rf "$VENV"
	"$SYSTEM_PYTHON" -m venv "$VENV"
	retry "pip install" "$VENV/bin/pip" --disable-pip-version-check install -q --require-hashes --only-binary :all: \
		-r "$TESTS/requirements.txt"
	"$VENV/bin/python" -c 'import confluent_kafka.schema_registry.avro, fastavro, jsonschema, pymongo, pytest, requests'
}

build_node() {
	local scratch
	scratch=$(new_scratch)
	cp "$TESTS/node/package.json" "$TESTS/node/package-lock.json" "$TESTS/node/.npmrc" "$scratch/"
	(cd "$scratch" && retry "npm ci" npm ci --no-audit --no-fund --ignore-scripts)
	(cd "$scratch" && node -e 'require("kafkajs"); require("@kafkajs/confluent-schema-registry"); require("express")')
	rm -rf "$ORDERLOG_CACHE/node"
	mv "$scratch" "$ORDERLOG_CACHE/node"
}

# The compose specification's JSON Schema, out of the package of a linter that carries it.
readonly SCHEMA_PACKAGE=dclint@3.1.0
readonly SCHEMA_TARBALL=dclint-3.1.0.tgz
readonly SCHEMA_SHA256=73fc6079a0408c80c7ccea9e9e5c21c40551afaf15e8c1ee25a5ad6af1ec0414

build_compose_schema() {
	local scratch
	scratch=$(new_scratch)
	retry "npm pack $SCHEMA_PACKAGE" npm pack --loglevel error --pack-destination "$scratch" "$SCHEMA_PACKAGE"
	expect_sha256 "$scratch/$SCHEMA_TARBALL" "$SCHEMA_SHA256"
	mkdir -p "$ORDERLOG_CACHE/schemas"
	tar -xzOf "$scratch/$SCHEMA_TARBALL" package/schemas/compose.schema.json >"$scratch/compose.schema.json"
	mv "$scratch/compose.schema.json" "$ORDERLOG_CACHE/schemas/"
	rm -rf "$scratch"
}

step_environments() {
	step compose-schema "$(hash_of "$SCHEMA_SHA256" "$ORDERLOG_CACHE")" "schema of compose files" build_compose_schema
	step python "$(hash_of "$VENV" "$TESTS/requirements.txt" "$HERE/steps/environments.sh")" "Python environment" build_python
	step node "$(hash_of "$TESTS/node/package.json" "$TESTS/node/package-lock.json" "$HERE/steps/environments.sh")" \
		"Node environment" build_node
}

# Writes requirements.txt (all of what requirements.in entails, with the hashes of every file of each release that fits
# this Python) and package-lock.json anew.
write_environment_locks() {
	local scratch
	scratch=$(new_scratch)
	"$SYSTEM_PYTHON" -m venv "$scratch/venv"
	"$scratch/venv/bin/pip" --disable-pip-version-check install -q pip-tools
	# A newer resolver than Debian's pip is not needed; its index address must not get into the file.
	(cd "$TESTS" && "$scratch/venv/bin/pip-compile" -q --generate-hashes --no-header --no-emit-index-url --no-emit-find-links \
		--no-emit-trusted-host --no-emit-options --strip-extras --allow-unsafe --output-file requirements.txt requirements.in)
	(cd "$TESTS/node" && npm install --package-lock-only --ignore-scripts --no-audit --no-fund)
	rm -rf "$scratch"
}
