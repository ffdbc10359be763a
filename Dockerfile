# One image for every program of an operator: `settle node run` by default, any other `settle` command by argument.
# Build: docker build -t settlement-chain .

# The node beneath: built from go.sum's checksums by the packaged Go; nothing of this stage but one static binary stays.
FROM python:3.13-slim AS node
WORKDIR /src
COPY cometbft cometbft
ENV SETTLE_CACHE=/cache
RUN python -m cometbft.install && install -m 0755 /cache/cometbft-*/cometbft /usr/local/bin/cometbft

# Our package and what it needs, by hash, in an environment that is copied whole.
FROM python:3.13-slim AS package
WORKDIR /src
COPY requirements requirements
RUN python -m venv /opt/build && /opt/build/bin/pip install --no-cache-dir --require-hashes -r requirements/build.txt
RUN python -m venv /opt/settlement && /opt/settlement/bin/pip install --no-cache-dir --require-hashes -r requirements/agent.txt
COPY pyproject.toml LICENSE ./
COPY abci_app abci_app
COPY chaincode_plugins chaincode_plugins
COPY cometbft cometbft
COPY settle settle
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
    && /opt/settlement/bin/pip install --no-cache-dir --no-deps --no-index /wheels/*.whl

FROM python:3.13-slim
RUN useradd --system --uid 10001 --home-dir /var/lib/settlement --create-home settlement
COPY --from=node /usr/local/bin/cometbft /usr/local/bin/cometbft
COPY --from=package /opt/settlement /opt/settlement
ENV PATH=/opt/settlement/bin:$PATH PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
VOLUME /var/lib/settlement
# Peers only. RPC stays on the container's loopback.
EXPOSE 26656
HEALTHCHECK --interval=15s --timeout=5s --start-period=120s --retries=4 \
    CMD ["python", "-m", "cometbft.health", "/var/lib/settlement"]
# The supervisor ends CometBFT first, then the application.
STOPSIGNAL SIGTERM
ENTRYPOINT ["settle"]
CMD ["node", "run", "--home", "/var/lib/settlement"]
