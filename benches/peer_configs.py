"""The configurations of the peers and of the upstreams that peers.py measures with."""
import json


def json_upstream(work, port):
    """nginx that answers everything with the same JSON."""
    body = """'{"message":"hello, world","n":1234567890,"ok":true}'"""
    return f"""worker_processes 1; daemon off; pid {work}/up.pid; error_log /dev/null;
events {{ worker_connections 4096; }}
http {{ access_log off; keepalive_requests 1000000000; server {{ listen 127.0.0.1:{port} backlog=4096;
 location / {{ default_type application/json; return 200 {body}; }} }} }}"""


def grpc_upstream(work, port):
    """nginx that answers every call with the frame in the file `answer`, and status 0 in a trailer.

    A file is not to be had by POST: its own page for that error is the file, which is then got.
    """
    return f"""worker_processes 1; daemon off; pid {work}/up.pid; error_log /dev/null;
events {{ worker_connections 4096; }}
http {{ access_log off; types {{}} default_type application/grpc; keepalive_requests 1000000000;
 etag off; open_file_cache max=4; server {{ listen 127.0.0.1:{port} http2 backlog=4096; root {work};
 location / {{ rewrite ^ /answer last; }}
 location = /answer {{ error_page 405 =200 /answer; add_trailer grpc-status 0 always; }} }} }}"""


def nginx_http(work, upstream, h1, h2):
    pass_on = ("proxy_pass http://u; proxy_http_version 1.1; proxy_set_header Connection \"\"; "
               "proxy_set_header X-Forwarded-For $remote_addr;")
    return f"""worker_processes 1; daemon off; pid {work}/px.pid; error_log /dev/null;
events {{ worker_connections 8192; }}
http {{ access_log off; keepalive_requests 1000000000;
 upstream u {{ server 127.0.0.1:{upstream}; keepalive 512; keepalive_requests 100000000; }}
 server {{ listen 127.0.0.1:{h1}; location / {{ {pass_on} }} }}
 server {{ listen 127.0.0.1:{h2} http2; http2_max_requests 100000000; location / {{ {pass_on} }} }} }}"""


def nginx_grpc(work, upstream, h2):
    return f"""worker_processes 1; daemon off; pid {work}/px.pid; error_log /dev/null;
events {{ worker_connections 8192; }}
http {{ access_log off; keepalive_requests 1000000000;
 upstream u {{ server 127.0.0.1:{upstream}; keepalive 512; keepalive_requests 100000000; }}
 server {{ listen 127.0.0.1:{h2} http2;
  location / {{ grpc_pass grpc://u; grpc_set_header X-Forwarded-For $remote_addr; }} }} }}"""


def haproxy(upstream, binds, server_options):
    binds = "\n".join(f"  bind 127.0.0.1:{port} {options}" for port, options in binds)
    return f"""global
  nbthread 1
  maxconn 8192
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  option http-keep-alive
  http-reuse always
  option forwardfor
frontend f
{binds}
  default_backend b
backend b
  server s 127.0.0.1:{upstream} pool-max-conn 512 {server_options}
"""


def envoy(port, upstream, filters="", h2_upstream=False):
    extensions = "type.googleapis.com/envoy.extensions"
    options = f"""
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": {extensions}.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: {{ http2_protocol_options: {{}} }}""" if h2_upstream else ""
    return f"""static_resources:
  listeners:
  - name: l
    address: {{ socket_address: {{ address: 127.0.0.1, port_value: {port} }} }}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": {extensions}.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: in
          codec_type: AUTO
          use_remote_address: true
          http_filters: [ {filters} {{ name: envoy.filters.http.router, typed_config: {{ "@type": {extensions}.filters.http.router.v3.Router }} }} ]
          route_config: {{ name: r, virtual_hosts: [ {{ name: v, domains: ["*"], routes: [ {{ match: {{ prefix: "/" }}, route: {{ cluster: c }} }} ] }} ] }}
  clusters:
  - name: c
    type: STATIC
    connect_timeout: 5s{options}
    circuit_breakers: {{ thresholds: [ {{ max_connections: 8192, max_pending_requests: 8192, max_requests: 8192 }} ] }}
    load_assignment: {{ cluster_name: c, endpoints: [ {{ lb_endpoints: [ {{ endpoint: {{ address: {{ socket_address: {{ address: 127.0.0.1, port_value: {upstream} }} }} }} }} ] }} ] }}
"""


def envoy_jwt(issuer, jwks, cached):
    cache = {"jwt_cache_config": {"jwt_cache_size": 1000}} if cached else {}
    provider = {"issuer": issuer, "local_jwks": {"filename": jwks}, "payload_in_metadata": "pl"} | cache
    return _filter("jwt_authn", "jwt_authn.v3.JwtAuthentication", {
        "providers": {"p": provider},
        "rules": [{"match": {"prefix": "/"}, "requires": {"provider_name": "p"}}],
    })


def envoy_wasm(names, module):
    """A filter for each name, each in a machine of its own."""
    machine = {"runtime": "envoy.wasm.runtime.v8", "code": {"local": {"filename": module}}}
    return "".join(_filter("wasm", "wasm.v3.Wasm", {
        "config": {"name": name, "root_id": name, "vm_config": machine | {"vm_id": name}},
    }) for name in names)


def envoy_transcoder(descriptors, service):
    return _filter("grpc_json_transcoder", "grpc_json_transcoder.v3.GrpcJsonTranscoder", {
        "proto_descriptor": descriptors, "services": [service], "convert_grpc_status": True,
    })


def _filter(name, kind, config):
    typed = {"@type": f"type.googleapis.com/envoy.extensions.filters.http.{kind}"} | config
    # JSON is YAML, too.
    return json.dumps({"name": f"envoy.filters.http.{name}", "typed_config": typed}) + ","
