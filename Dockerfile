# One image for worker, wall, connectors and every other command: docker run resonanz --help
FROM python:3.11-slim-bookworm AS build
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY streams/resonanz_streams streams/resonanz_streams
COPY connectors/resonanz_connectors connectors/resonanz_connectors
COPY dashboards/resonanz_dashboards dashboards/resonanz_dashboards
COPY dashboards/grafana/agency-overview.json dashboards/grafana/agency-overview.json
RUN --mount=type=cache,target=/root/.cache/pip pip wheel --no-deps --wheel-dir dist .
RUN python -m venv /opt/resonanz
RUN --mount=type=cache,target=/root/.cache/pip \
    /opt/resonanz/bin/pip install --only-binary :all: --constraint constraints.txt dist/resonanz-*.whl

FROM python:3.11-slim-bookworm
COPY --from=build /opt/resonanz /opt/resonanz
ENV PATH=/opt/resonanz/bin:$PATH PYTHONDONTWRITEBYTECODE=1
# Nobody of this number exists, so nothing is his; what is kept is kept by Kafka.
USER 10001:10001
# The configuration is looked for here: resonanz.yaml
WORKDIR /etc/resonanz
ENTRYPOINT ["resonanz"]
CMD ["worker", "--host", "0.0.0.0"]
EXPOSE 9464
HEALTHCHECK --interval=5s --timeout=5s --start-period=60s --retries=6 \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:9464/readyz', timeout=4)"]
