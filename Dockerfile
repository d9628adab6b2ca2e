# The page and the API, as an ordinary user:
#   docker build -t rnan .                        for the processor
#   docker build -t rnan --build-arg TORCH=cu130 .    for NVIDIA GPUs; run it with --gpus all
#   docker run --rm --read-only --tmpfs /tmp -p 127.0.0.1:8000:8000 rnan
# or any other command:
#   docker run --rm --read-only --tmpfs /tmp -v "$PWD:/pictures" -w /pictures rnan denoise in.png -o out.png
ARG PYTHON=3.11

FROM python:${PYTHON}-slim-bookworm AS build
# cpu, or a build for CUDA as https://download.pytorch.org/whl names it.
ARG TORCH=cpu
WORKDIR /src
COPY pyproject.toml README.md LICENSE constraints.txt ./
COPY src src
RUN python -m venv /opt/rnan
RUN /opt/rnan/bin/python -m pip install --no-cache-dir --constraint constraints.txt --extra-index-url "https://download.pytorch.org/whl/${TORCH}" ".[web,torch]"

FROM python:${PYTHON}-slim-bookworm
COPY --from=build /opt/rnan /opt/rnan
RUN useradd --system --uid 10001 --no-create-home rnan
USER 10001
# All that is written goes to /tmp.
ENV PATH=/opt/rnan/bin:$PATH HOME=/tmp PYTHONDONTWRITEBYTECODE=1
EXPOSE 8000
HEALTHCHECK CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/healthz', timeout=5)"]
ENTRYPOINT ["rnan"]
CMD ["serve", "--host", "0.0.0.0", "--allow-host", "localhost"]
