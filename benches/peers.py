#!/usr/bin/env python3
"""Side-by-side cost of reverse proxies, in CPU microseconds per request of the proxy process.

`cargo xtask bench` builds, configures and starts witgate and then calls this. It starts a fixed-answer upstream
(nginx, 127.0.0.1:9000) and the peers that are installed, each pinned to one core with one worker, and loads them in
turn from the other core, several rounds, so that a drift of the machine hits all alike. CPU per request is read from
/proc/PID/stat (user and system time of the proxy and of its children) and divided by the requests answered 2xx: it is
far steadier on a shared machine than requests per second. Loopback only, bounded in time.

  peers.py --ours witgate=PORT:PID [--ours NAME=PORT:PID …] [--envoy BINARY] [--peer-set plain|none|jwt] \\
           [--proto h1,h2] [--rounds N] [--seconds N] [--header 'NAME: VALUE'] [--path /x]

--ours names a gateway that is already running, pinned, and answers --path by proxying to 127.0.0.1:9000. Prints one row
for each proxy and protocol: median CPU microseconds for a request, requests per second, p99 (wrk), and the ratio of
the first --ours to it, paired by round.
"""
import argparse, glob, os, re, shutil, signal, statistics, subprocess, sys, tempfile, time, urllib.request

A = argparse.ArgumentParser()
A.add_argument("--ours", action="append", default=[], help="NAME=PORT:PID")
A.add_argument("--envoy", default="")
A.add_argument("--jwks", default="")
A.add_argument("--issuer", default="https://issuer.test")
A.add_argument("--peer-set", default="plain", choices=["plain", "none", "jwt"])
A.add_argument("--path", default="/x")
A.add_argument("--header", default="x-bench: 1")
A.add_argument("--proto", default="h1,h2")
A.add_argument("--rounds", type=int, default=3)
A.add_argument("--seconds", type=int, default=3)
A.add_argument("--conns", type=int, default=64)
A.add_argument("--streams", type=int, default=8)
a = A.parse_args()
work = tempfile.mkdtemp(prefix="peers-")
procs = []


def spawn(core, argv):
    p = subprocess.Popen(["taskset", "-c", str(core)] + argv, stdout=subprocess.DEVNULL,
                         stderr=subprocess.DEVNULL, start_new_session=True)
    procs.append(p)
    return p


def write(name, text):
    path = os.path.join(work, name)
    open(path, "w").write(text)
    return path


def ticks(pid):
    total = 0
    pids = [pid]
    try:
        kids = open(f"/proc/{pid}/task/{pid}/children").read().split()
        pids += [int(k) for k in kids]
    except OSError:
        pass
    for p in pids:
        try:
            f = open(f"/proc/{p}/stat").read().rsplit(")", 1)[1].split()
            total += int(f[11]) + int(f[12])
        except OSError:
            pass
    return total * 1e6 / os.sysconf("SC_CLK_TCK")


def load(proto, port, seconds):
    url = f"http://127.0.0.1:{port}{a.path}"
    if proto == "h1":
        out = subprocess.run(["taskset", "-c", "1", "wrk", "-t1", f"-c{a.conns}", f"-d{seconds}s", "--latency",
                              "-H", a.header, url], capture_output=True, text=True).stdout
        n = int((re.search(r"(\d+) requests in", out) or [0, 0])[1])
        bad = int((re.search(r"Non-2xx or 3xx responses: (\d+)", out) or [0, 0])[1])
        p99 = (re.search(r"^\s+99%\s+(\S+)", out, re.M) or ["", "-"])[1]
    else:
        out = subprocess.run(["taskset", "-c", "1", "h2load", "-D", str(seconds), f"-c{a.conns}", f"-m{a.streams}",
                              "-H", a.header, url], capture_output=True, text=True).stdout
        m = re.search(r"status codes: (\d+) 2xx", out)
        n, bad, p99 = int(m[1]) if m else 0, 0, "-"
        m = re.search(r"(\d+) 3xx, (\d+) 4xx, (\d+) 5xx", out)
        bad = sum(map(int, m.groups())) if m else 0
    return n - (bad if proto == "h1" else 0), bad, p99


def envoy_conf(port, extra):
    return f"""static_resources:
  listeners:
  - name: l
    address: {{ socket_address: {{ address: 127.0.0.1, port_value: {port} }} }}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: in
          codec_type: AUTO
          use_remote_address: true
          http_filters: [ {extra} {{ name: envoy.filters.http.router, typed_config: {{ "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }} }} ]
          route_config: {{ name: r, virtual_hosts: [ {{ name: v, domains: ["*"], routes: [ {{ match: {{ prefix: "/" }}, route: {{ cluster: c }} }} ] }} ] }}
  clusters:
  - name: c
    type: STATIC
    connect_timeout: 5s
    circuit_breakers: {{ thresholds: [ {{ max_connections: 8192, max_pending_requests: 8192, max_requests: 8192 }} ] }}
    load_assignment: {{ cluster_name: c, endpoints: [ {{ lb_endpoints: [ {{ endpoint: {{ address: {{ socket_address: {{ address: 127.0.0.1, port_value: 9000 }} }} }} }} ] }} ] }}
"""


def main():
    body = """'{"message":"hello, world","n":1234567890,"ok":true}'"""
    spawn(1, ["nginx", "-c", write("up.conf", f"""worker_processes 1; daemon off; pid {work}/up.pid; error_log /dev/null;
events {{ worker_connections 4096; }}
http {{ access_log off; keepalive_requests 1000000000; server {{ listen 127.0.0.1:9000 backlog=4096;
 location / {{ default_type application/json; return 200 {body}; }} }} }}""")])
    peers = {}  # name -> (pid, {proto: port})
    if a.peer_set == "plain":
        p = spawn(0, ["nginx", "-c", write("px.conf", f"""worker_processes 1; daemon off; pid {work}/px.pid; error_log /dev/null;
events {{ worker_connections 8192; }}
http {{ access_log off; keepalive_requests 1000000000; upstream u {{ server 127.0.0.1:9000; keepalive 512; keepalive_requests 100000000; }}
 server {{ listen 127.0.0.1:8001; location / {{ proxy_pass http://u; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header X-Forwarded-For $remote_addr; }} }}
 server {{ listen 127.0.0.1:8011 http2; http2_max_requests 100000000; location / {{ proxy_pass http://u; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header X-Forwarded-For $remote_addr; }} }} }}""")])
        peers["nginx"] = (p.pid, {"h1": 8001, "h2": 8011})
        if shutil.which("haproxy"):
            p = spawn(0, ["haproxy", "-f", write("ha.cfg", """global
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
  bind 127.0.0.1:8002
  bind 127.0.0.1:8012 proto h2
  default_backend b
backend b
  server s 127.0.0.1:9000 pool-max-conn 512
""")])
            peers["haproxy"] = (p.pid, {"h1": 8002, "h2": 8012})
    envoy = (glob.glob(a.envoy) or [""])[0] if a.envoy else ""
    if envoy and a.peer_set != "none":
        def add(name, port, extra, base):
            p = spawn(0, [envoy, "-c", write(f"{name}.yaml", envoy_conf(port, extra)), "--base-id", str(base),
                          "--concurrency", "1", "--log-level", "off"])
            peers[name] = (p.pid, {"h1": port, "h2": port})
        add("envoy", 8003, "", 71)
        if a.peer_set == "jwt":
            jwt = '{ name: jwt, typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication, providers: { p: { issuer: "' + a.issuer + '", local_jwks: { filename: "' + a.jwks + '" }, payload_in_metadata: pl %s } }, rules: [ { match: { prefix: / }, requires: { provider_name: p } } ] } },'
            add("envoy+jwt", 8043, jwt % "", 73)
            add("envoy+jwt-cache", 8053, jwt % ", jwt_cache_config: { jwt_cache_size: 1000 }", 74)
    for ours in a.ours:
        name, place = ours.split("=")
        port, pid = map(int, place.split(":"))
        peers[name] = (pid, {"h1": port, "h2": port})
    first = a.ours[0].split("=")[0] if a.ours else ""
    time.sleep(4)
    rows = {}
    for r in range(a.rounds):
        for proto in a.proto.split(","):
            for name, (pid, ports) in peers.items():
                load(proto, ports[proto], 1)
                c0, t0 = ticks(pid), time.time()
                n, bad, p99 = load(proto, ports[proto], a.seconds)
                c1, t1 = ticks(pid), time.time()
                rows.setdefault((proto, name), []).append(((c1 - c0) / max(n, 1), n / (t1 - t0), p99, bad))
    print(f"{'proto':5} {'proxy':18} {'cpu_us/req':>10} {'min..max':>13} {'req/s':>9} {'p99':>9} {'bad':>5} {'ours/peer':>9}")
    for (proto, name), v in sorted(rows.items()):
        med = statistics.median(x[0] for x in v)
        ours = rows.get((proto, first))
        # paired by round: the ratio survives a drift of the machine
        ratio = f"{statistics.median(o[0] / max(x[0], 1e-9) for o, x in zip(ours, v)):.2f}" if ours else "-"
        print(f"{proto:5} {name:18} {med:10.2f} {min(x[0] for x in v):6.2f}..{max(x[0] for x in v):<5.2f} {statistics.median(x[1] for x in v):9.0f} {v[-1][2]:>9} {sum(x[3] for x in v):5} {ratio:>9}")


try:
    main()
finally:
    for p in procs:
        try:
            os.killpg(p.pid, signal.SIGTERM)
        except OSError:
            pass
    shutil.rmtree(work, ignore_errors=True)
