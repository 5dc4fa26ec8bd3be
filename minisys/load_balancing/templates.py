"""The bones of nginx.conf and haproxy.cfg; products.py puts the flesh on.

What a policy, a retry or a health check is called in each product is in products.py. What is the same in every
experiment (loopback only, one worker, connections kept alive, who counts the attempts) is here, to be read as a whole.
Promised: nothing but text with {fields}. Checked with NGINX 1.31.3 and HAProxy 2.8.25.
"""

NGINX = """\
# NGINX: {settings.policy.name}. Checks are passive: a backend that fails once is left alone for a second.
daemon off;
worker_processes 1;
{user}pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  client_body_temp_path body; {temporary}
  keepalive_requests 1000000;
  upstream backends {{
    zone backends 256k;  # shared by all workers
    {balance}
{servers}
    keepalive 64;
  }}
  map $upstream_addr $attempts {{ default 1; "~,.*,.*," 4; "~,.*," 3; "~," 2; }}  # $upstream_addr lists all it asked
  server {{
    listen 127.0.0.1:{port} backlog=1024;
    location / {{
      proxy_pass http://backends;
      proxy_http_version 1.1;
      proxy_set_header Connection "";  # keep connections to the backends
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_connect_timeout 1s;
      proxy_read_timeout {timeout_ms}ms;
      proxy_next_upstream {retry};  # never for POST, unless told non_idempotent
      add_header X-Attempts $attempts always;
    }}
  }}
}}
"""

HAPROXY = """\
# HAProxy: {settings.policy.name}. It asks every backend's /health itself.
global
  nbthread 1
  stats socket {folder}/admin.sock mode 600 level admin
defaults
  mode http
  timeout connect 1s
  timeout client 60s
  timeout server {timeout_ms}ms
  timeout check {check_ms}ms
  retries {settings.retries}
  retry-on {retry}
  {redispatch}
  option forwardfor
frontend users
  bind 127.0.0.1:{port}
  default_backend backends
backend backends
  {balance}
  option httpchk GET /health
  http-request disable-l7-retry unless {{ method {safe} }}
  http-response set-var-fmt(txn.retries) %rc  # a plus sign in front: went to another server
  http-response set-header X-Attempts %[var(txn.retries),regsub([+],),add(1)]
{servers}
"""
