# The image of the workers, from which the command can be started too; docs/cluster.md says how.
# Both lines that name Beam hold the version in constraints.txt; Python has the same minor version in both.
FROM apache/beam_python3.11_sdk:2.77.0 AS beam

FROM python:3.11-slim
COPY --from=beam /opt/apache/beam /opt/apache/beam
WORKDIR /avnet
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY avnet avnet
RUN pip install --no-cache-dir -c constraints.txt ".[train,beam]" "apache-beam[gcp]==2.77.0" gcsfs s3fs
COPY data data
# `data` is a program of the checkout and no installed package.
ENV PYTHONPATH=/avnet
ENTRYPOINT ["/opt/apache/beam/boot"]
