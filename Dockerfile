# SPDX-License-Identifier: Apache-2.0
# Two stages: one that builds, one that only runs. docker build -t cvxnn .
#
# LibTorch is Debian's by default (CPU only); the tests build this image. For a GPU, name an archive of a CUDA LibTorch
# (PyTorch's zip "shared with deps", with the cxx11 ABI where it has both) and the CUDA version it was made with. Its
# CMake package needs nvcc and the toolkit's headers, so the build stage takes those from NVIDIA's packages for Debian
# 12; the image itself needs only the libraries that lie in the zip. For example:
#   docker build -t cvxnn:cuda --build-arg CUDA=12-8 --build-arg LIBTORCH_SHA256=… \
#     --build-arg LIBTORCH_URL=https://…/libtorch-shared-with-deps-2.8.0%2Bcu128.zip .
# and run with --gpus all on a host with NVIDIA's driver and container toolkit. BUILD_IMAGE replaces the image that the
# build stage starts from, e.g. by a Debian 12 of your own that has the toolkit in /usr/local/cuda; CUDA then stays empty.
ARG DEBIAN=bookworm-slim
ARG BUILD_IMAGE=debian:${DEBIAN}

FROM ${BUILD_IMAGE} AS build
ARG LIBTORCH_URL=
# Of the zip, in hexadecimal; empty: not checked.
ARG LIBTORCH_SHA256=
# CUDA version as in the names of NVIDIA's packages, e.g. 12-8; empty: none is installed.
ARG CUDA=
ARG CUDA_REPOSITORY=https://developer.download.nvidia.com/compute/cuda/repos/debian12/x86_64
COPY scripts/packages.txt /tmp/packages.txt
RUN apt-get update \
 && awk '/^# part: / { build = / build/; next } build && $1 !~ /^(#.*|python3|ccache|libg(test|mock)-dev)?$/ { print $1 }' \
      /tmp/packages.txt | xargs apt-get install -y --no-install-recommends ca-certificates curl unzip \
 && rm -rf /var/lib/apt/lists/*
RUN mkdir -p /opt/libtorch/lib \
 && if [ -n "$LIBTORCH_URL" ]; then \
      curl -fsSL "$LIBTORCH_URL" -o /tmp/libtorch.zip \
      && { [ -z "$LIBTORCH_SHA256" ] || echo "$LIBTORCH_SHA256  /tmp/libtorch.zip" | sha256sum --check -; } \
      && unzip -q /tmp/libtorch.zip -d /opt && rm /tmp/libtorch.zip; \
    fi
RUN if [ -n "$CUDA" ]; then \
      curl -fsSL "$CUDA_REPOSITORY/cuda-keyring_1.1-1_all.deb" -o /tmp/keyring.deb && dpkg -i /tmp/keyring.deb \
      && apt-get update \
      && apt-get install -y --no-install-recommends "cuda-nvcc-$CUDA" "cuda-libraries-dev-$CUDA" "cuda-nvtx-$CUDA" \
      && rm -rf /tmp/keyring.deb /var/lib/apt/lists/*; \
    fi
ENV PATH=/usr/local/cuda/bin:$PATH
WORKDIR /source
COPY . .
RUN cmake -S . -B /build -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_PREFIX_PATH=/opt/libtorch \
      -DCMAKE_INSTALL_RPATH=/opt/libtorch/lib -DCMAKE_BUILD_WITH_INSTALL_RPATH=ON \
      -DCVXNN_BUILD_TESTS=OFF -DCVXNN_BUILD_BENCH=OFF \
 && cmake --build /build --target cvxnn-server cvxnn \
 && strip /build/bin/cvxnn-server /build/bin/cvxnn

FROM debian:${DEBIAN}
ARG LIBTORCH_URL=
LABEL org.opencontainers.image.title="cvxnn" \
      org.opencontainers.image.description="Trains two-layer ReLU networks as a gRPC service" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN apt-get update \
 && apt-get install -y --no-install-recommends \
      libgrpc++1.51 libprotobuf32 libsqlite3-0 libspdlog1.10 libyaml-cpp0.7 libzip4 libdeflate0 libcpp-httplib0.11 \
      libprometheus-cpp-core1.0 \
      libopenblas0-pthread \
      $([ -n "$LIBTORCH_URL" ] || echo libtorch1.13) \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --create-home --home-dir /var/lib/cvxnn cvxnn
COPY --from=build /opt/libtorch/lib /opt/libtorch/lib
COPY --from=build /build/bin/cvxnn-server /build/bin/cvxnn /usr/local/bin/
USER cvxnn
VOLUME /var/lib/cvxnn
# 50051: gRPC. 8080: /healthz, /readyz and /metrics.
EXPOSE 50051 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s --retries=3 \
  CMD ["cvxnn-server", "--healthcheck", "127.0.0.1:50051"]
# A container's loopback cannot be reached from outside it, so the server listens on every interface of the container;
# publish the ports to loopback only (deploy/compose.yaml does), or give it TLS and principals by CVXNN_TLS_CERTIFICATE,
# CVXNN_TLS_KEY and CVXNN_PRINCIPALS, which the health check heeds too.
ENTRYPOINT ["cvxnn-server", "--listen", "0.0.0.0:50051", "--http", "0.0.0.0:8080", "--insecure", "--data-dir", "/var/lib/cvxnn"]
