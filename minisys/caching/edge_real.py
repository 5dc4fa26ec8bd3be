"""NGINX, and Varnish where it is installed, as the edge: the product in the place of our own cache.

"Does a real one do that too?" is answered by asking it. The origin is ours, the users are the same, and only the
process in the middle is another one; what it cannot do (purge by tag, for one) is part of the answer.

    with edge("nginx", "http://127.0.0.1:8000") as node: ask(node.url)

Promised: the product's own configuration, shown by config(); a missing product is one clear line, and importing this
module never fails. Not promised: the same answers; the table of edge_conformance.py shows where they differ. Checked
with NGINX 1.31.3; the open-source NGINX has no purge.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from minisys.load_balancing import products
from minisys.load_balancing.products import ProductMissing
from minisys.testbed import nodes
from minisys.testbed.nodes import Node

__all__ = ["PRODUCTS", "ProductMissing", "available", "config", "edge"]
PRODUCTS = ("nginx", "varnish")
NGINX = """\
# NGINX as an edge: proxy_cache before one origin. It goes by the origin's Cache-Control and Expires.
daemon off;
worker_processes 1;
{user}pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  client_body_temp_path body; {temporary}
  keepalive_requests 1000000;
  proxy_cache_path {folder}/cache levels=1:2 keys_zone=edge:10m max_size=64m inactive=1h use_temp_path=off;
  upstream origin {{ server {origin}; keepalive 64; }}
  server {{
    listen 127.0.0.1:{port} backlog=1024;
    location / {{
      proxy_pass http://origin;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_cache edge;
      proxy_cache_key $request_uri;
      proxy_cache_lock on;               # coalescing: one fetch for an object that is missing
      proxy_cache_revalidate on;         # If-None-Match for one that is stale
      proxy_cache_background_update on;  # stale-while-revalidate
      proxy_connect_timeout 1s;
      add_header X-Cache $upstream_cache_status always;
    }}
  }}
}}
"""


def available() -> dict[str, str]:
    """Each product with its version or place, or with the one line that says why it is not there."""
    told = {}
    for name in PRODUCTS:
        try:
            told[name] = products.version(name) if name == "nginx" else str(_varnish())
        except ProductMissing as problem:
            told[name] = str(problem)
    return told


def config(product: str, origin: str, port: int = 8080, folder: Path = Path("/run/minisys")) -> str:
    """The configuration (Varnish: the command line) that edge() gives to *product* before *origin*, a url.

    Raises ValueError for another product or scheme.
    """
    place = urlsplit(origin)
    if place.scheme != "http" or not place.netloc:
        raise ValueError(f"the origin's url must look like http://host:port, got {origin!r}")
    if product == "varnish":
        return f"varnishd -F -n {folder} -a 127.0.0.1:{port} -b {place.netloc} -s malloc,64m -T none"
    if product != "nginx":
        raise ValueError(f"unknown product {product!r}; known: {', '.join(PRODUCTS)}")
    temporary = " ".join(f"{kind}_temp_path {kind};" for kind in ("proxy", "fastcgi", "uwsgi", "scgi"))
    user = (
        "user root;  # started as root: the built-in user nobody may not enter our folder\n" if products._root() else ""
    )
    return NGINX.format(user=user, folder=folder, temporary=temporary, origin=place.netloc, port=port)


@contextmanager
def edge(product: str, origin: str) -> Iterator[Node]:
    """*product* as a running edge before *origin*, a url, until the block ends. Raises ProductMissing, NodeFailed."""
    port = nodes.free_port()

    def answers(node: Node) -> bool:
        node.port = port
        return nodes.accepts(node)

    with tempfile.TemporaryDirectory(prefix="edge-", dir=nodes._folder()) as name:
        folder = Path(name)
        node = nodes.start(_argv(product, origin, port, folder), name=product, ready=answers)
        try:
            yield node
        finally:
            family = psutil.Process(node.pid).children() if node.running else []
            node.kill()
            psutil.wait_procs(family, timeout=10.0)  # workers hold the port as long as they live


def _argv(product: str, origin: str, port: int, folder: Path) -> list[str]:
    text = config(product, origin, port, folder)
    if product == "varnish":
        return [str(_varnish()), *text.split()[1:]]
    file = folder / "nginx.conf"
    file.write_text(text)
    return products.Nginx().argv(products.binary("nginx"), file)


def _varnish() -> Path:
    """Varnish's executable from PATH. Raises ProductMissing."""
    found = shutil.which("varnishd", path="/usr/sbin:/usr/local/sbin") or shutil.which("varnishd")
    if found is None:
        raise ProductMissing("varnish is not installed: no wheel has it; on Debian, apt install varnish brings it")
    return Path(found)
