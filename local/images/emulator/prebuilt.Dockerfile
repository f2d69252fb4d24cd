# The emulator with all functions, from what `make build` made. Context: s.yaml and build/.
ARG BASE
FROM ${BASE}
RUN useradd --create-home --uid 10001 qianfan
WORKDIR /srv/qianfan
COPY . .
USER qianfan
ENTRYPOINT ["build/qianfan"]
