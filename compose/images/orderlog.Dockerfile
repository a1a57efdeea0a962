# Orderlog's images, one target each: command-api, projectors, query-api, tool, gateway.
#   docker build -f compose/images/orderlog.Dockerfile --target command-api -t orderlog/command-api .
# Built in one stage from the repository's own installer, run in another that has only what is linked.

FROM debian:bookworm-slim AS build
ENV ORDERLOG_CACHE=/opt/orderlog DEBIAN_FRONTEND=noninteractive
WORKDIR /src
# The installer alone first: librdkafka is compiled again only when the installer changes.
COPY compose/local/install compose/local/packages.txt compose/local/env.sh compose/local/
COPY compose/local/steps compose/local/steps
RUN compose/local/install --only build
COPY . .
RUN . compose/local/env.sh \
 && meson setup /build --buildtype=release -Ddebug=true -Db_ndebug=false \
 && ninja -C /build command-api/command-api projectors/projectors query-api/query-api cli/orderlog

FROM debian:bookworm-slim AS base
# Run-time halves of the -dev packages of packages.txt; curl is for the health checks.
RUN apt-get update && apt-get install -y --no-install-recommends \
      ca-certificates curl libavro23 libcurl4 libh2o-evloop0.13 libjansson4 libjemalloc2 liblmdb0 liblz4-1 libmongoc-1.0-0 libsasl2-2 \
      libsasl2-modules libssl3 libxxhash0 libzstd1 zlib1g \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin orderlog \
 && install -d -o orderlog -g orderlog /var/lib/orderlog
# Where the programs' run path looks for it.
COPY --from=build /opt/orderlog/prefix/lib/librdkafka.so.1 /opt/orderlog/prefix/lib/
USER orderlog
WORKDIR /var/lib/orderlog
ENV ORDERLOG_DATA_DIR=/var/lib/orderlog
STOPSIGNAL SIGTERM

FROM base AS command-api
COPY --from=build /build/command-api/command-api /usr/local/bin/
ENV ORDERLOG_LISTEN=0.0.0.0:8080 ORDERLOG_PRIVATE_LISTEN=0.0.0.0:9080
EXPOSE 8080 9080
ENTRYPOINT ["/usr/local/bin/command-api"]

FROM base AS projectors
COPY --from=build /build/projectors/projectors /usr/local/bin/
ENV ORDERLOG_PRIVATE_LISTEN=0.0.0.0:9082
EXPOSE 9082
ENTRYPOINT ["/usr/local/bin/projectors"]

FROM base AS query-api
COPY --from=build /build/query-api/query-api /usr/local/bin/
ENV ORDERLOG_LISTEN=0.0.0.0:8081 ORDERLOG_PRIVATE_LISTEN=0.0.0.0:9081
EXPOSE 8081 9081
ENTRYPOINT ["/usr/local/bin/query-api"]

FROM base AS tool
COPY --from=build /build/cli/orderlog /usr/local/bin/
ENTRYPOINT ["/usr/local/bin/orderlog"]

# The gateway's configuration comes from the route tables of the programs in the same build.
FROM build AS gateway-config
RUN apt-get update && apt-get install -y --no-install-recommends haproxy
RUN /build/command-api/command-api --routes >/routes.command && /build/query-api/query-api --routes >/routes.query \
 && compose/local/gateway.py --listen 0.0.0.0:8000 --user "" --dns 127.0.0.11:53 --admin-socket /run/orderlog-gateway/admin.sock \
      --command command-api:8080,command-api:9080 --query query-api:8081,query-api:9081 \
      --routes /routes.command --routes /routes.query /etc/orderlog-gateway

FROM debian:bookworm-slim AS gateway
RUN apt-get update && apt-get install -y --no-install-recommends haproxy curl \
 && rm -rf /var/lib/apt/lists/* && install -d -o haproxy -g haproxy /etc/orderlog-gateway /run/orderlog-gateway
COPY --from=gateway-config --chown=haproxy:haproxy /etc/orderlog-gateway /etc/orderlog-gateway
USER haproxy
EXPOSE 8000
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/sbin/haproxy", "-W", "-f", "/etc/orderlog-gateway/haproxy.cfg"]
