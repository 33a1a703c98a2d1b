#!/usr/bin/env python3
"""Side-by-side cost of reverse proxies, in CPU microseconds per request of the proxy process.

`cargo xtask bench` builds, configures and starts witgate and then calls this. It starts a fixed-answer upstream
(nginx, 127.0.0.1:9000) and the peers that are installed, each pinned to one core with one worker, and loads them in
turn from the other core, several rounds, so that a drift of the machine hits all alike. CPU per request is read from
/proc/PID/stat (user and system time of the proxy and of its children) and divided by the requests answered 2xx: it is
far steadier on a shared machine than requests per second. Loopback only, bounded in time.

  peers.py --ours witgate=PORT:PID [--ours NAME=PORT:PID …] [--envoy BINARY] \\
           [--peer-set plain|noops|none|jwt|transcode|grpc] [--proto h1,h2] [--rounds N] [--seconds N] \\
           [--path /x] [--header 'NAME: VALUE' …] [--body FILE] [--expect TEXT]

--ours names a gateway that is already running, pinned, and answers --path by asking 127.0.0.1:9000. The peer sets
`transcode` and `grpc` have an upstream that speaks gRPC and answers with the frame in --answer. With --body requests
are POSTs. With --expect one answer of each proxy, trailers included, must have that text before it is measured. Prints
one row for each proxy and protocol: median CPU microseconds for a request, requests per second, p99 (wrk), and the
ratio of the first --ours to it, paired by round.
"""
import argparse, glob, json, os, re, shutil, signal, statistics, subprocess, sys, tempfile, time

import peer_configs as configs

A = argparse.ArgumentParser()
A.add_argument("--ours", action="append", default=[], help="NAME=PORT:PID")
A.add_argument("--envoy", default="")
A.add_argument("--jwks", default="")
A.add_argument("--issuer", default="https://issuer.test")
A.add_argument("--descriptors", default="", help="for Envoy's transcoder")
A.add_argument("--service", default="")
A.add_argument("--filter", default="", help="a module of proxy-wasm for Envoy")
A.add_argument("--answer", default="", help="a file with the frame that the gRPC upstream answers with")
A.add_argument("--peer-set", default="plain", choices=["plain", "noops", "none", "jwt", "transcode", "grpc"])
A.add_argument("--path", default="/x")
A.add_argument("--header", action="append", default=[])
A.add_argument("--body", default="")
A.add_argument("--expect", default="")
A.add_argument("--proto", default="h1,h2")
A.add_argument("--rounds", type=int, default=3)
A.add_argument("--seconds", type=int, default=3)
A.add_argument("--conns", type=int, default=64)
A.add_argument("--streams", type=int, default=8)
a = A.parse_args()
a.header = a.header or ["x-bench: 1"]
work = tempfile.mkdtemp(prefix="peers-")
# nginx reads the answer as another user.
os.chmod(work, 0o755)
procs = []
UPSTREAM = 9000


def spawn(core, argv):
    p = subprocess.Popen(["taskset", "-c", str(core)] + argv, stdout=subprocess.DEVNULL,
                         stderr=subprocess.DEVNULL, start_new_session=True)
    procs.append(p)
    return p.pid


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


def run(argv):
    return subprocess.run(["taskset", "-c", "1"] + argv, capture_output=True, text=True, errors="replace",
                          timeout=60 + a.seconds).stdout


def header_options():
    return [word for header in a.header for word in ("-H", header)]


def wrk_script():
    """What wrk must be told to send a body."""
    if not a.body:
        return []
    script = f'wrk.method = "POST"\nwrk.body = io.open({json.dumps(a.body)}, "rb"):read("*a")\n'
    return ["-s", write("post.lua", script)]


def load(proto, port, seconds):
    """How many requests were answered 2xx, how many otherwise, and the 99th percentile if it is known."""
    url = f"http://127.0.0.1:{port}{a.path}"
    if proto == "h1":
        out = run(["wrk", "-t1", f"-c{a.conns}", f"-d{seconds}s", "--latency"] + wrk_script() + header_options() + [url])
        n = int((re.search(r"(\d+) requests in", out) or [0, 0])[1])
        bad = int((re.search(r"Non-2xx or 3xx responses: (\d+)", out) or [0, 0])[1])
        p99 = (re.search(r"^\s+99%\s+(\S+)", out, re.M) or ["", "-"])[1]
        return n - bad, bad, p99
    body = ["-d", a.body] if a.body else []
    out = run(["h2load", "-D", str(seconds), f"-c{a.conns}", f"-m{a.streams}"] + body + header_options() + [url])
    m = re.search(r"status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx", out)
    good, *others = map(int, m.groups()) if m else (0, 0)
    return good, sum(others), "-"


def check(name, protos):
    """Ends everything if a proxy does not answer as it should: its speed would say nothing."""
    if not a.expect:
        return
    body = ["-d", a.body] if a.body else []
    out = run(["nghttp", "-v", "--no-dep"] + body + header_options() + [f"http://127.0.0.1:{protos['h2']}{a.path}"])
    if a.expect not in out or ":status: 200" not in out:
        sys.exit(f"{name} does not answer with {a.expect!r}:\n{out[-2000:]}")


def start_upstream():
    if a.peer_set in ("transcode", "grpc"):
        shutil.copy(a.answer, os.path.join(work, "answer"))
        config = configs.grpc_upstream(work, UPSTREAM)
    else:
        config = configs.json_upstream(work, UPSTREAM)
    spawn(1, ["nginx", "-c", write("up.conf", config)])


def start_peers():
    """Process and ports of each peer that the set has and the machine too."""
    peers = {}
    if a.peer_set == "plain":
        config = configs.nginx_http(work, UPSTREAM, 8001, 8011)
        peers["nginx"] = (spawn(0, ["nginx", "-c", write("px.conf", config)]), {"h1": 8001, "h2": 8011})
    if a.peer_set == "grpc":
        config = configs.nginx_grpc(work, UPSTREAM, 8011)
        peers["nginx"] = (spawn(0, ["nginx", "-c", write("px.conf", config)]), {"h2": 8011})
    if a.peer_set in ("plain", "grpc") and shutil.which("haproxy"):
        grpc = a.peer_set == "grpc"
        config = configs.haproxy(UPSTREAM, [(8002, ""), (8012, "proto h2")], "proto h2" if grpc else "")
        ports = {"h2": 8012} if grpc else {"h1": 8002, "h2": 8012}
        peers["haproxy"] = (spawn(0, ["haproxy", "-f", write("ha.cfg", config)]), ports)
    envoy = (glob.glob(a.envoy) or [""])[0] if a.envoy else ""
    if envoy:
        for base, (name, port, filters) in enumerate(envoys(), 71):
            h2_upstream = a.peer_set in ("transcode", "grpc")
            config = write(f"{name}.yaml", configs.envoy(port, UPSTREAM, filters, h2_upstream))
            pid = spawn(0, [envoy, "-c", config, "--base-id", str(base), "--concurrency", "1", "--log-level", "off"])
            peers[name] = (pid, {"h1": port, "h2": port})
    return peers


def envoys():
    """Name, port and filters of each."""
    if a.peer_set == "transcode":
        return [("envoy+transcoder", 8003, configs.envoy_transcoder(a.descriptors, a.service))]
    if a.peer_set == "noops":
        five = configs.envoy_wasm(["one", "two", "three", "four", "five"], a.filter)
        return [("envoy", 8003, ""), ("envoy+noops", 8063, five)]
    if a.peer_set == "jwt":
        jwt = [("envoy+jwt", 8043, False), ("envoy+jwt-cache", 8053, True)]
        return [("envoy", 8003, "")] + [(name, port, configs.envoy_jwt(a.issuer, a.jwks, cached)) for name, port, cached in jwt]
    return [] if a.peer_set == "none" else [("envoy", 8003, "")]


def measure(peers):
    rows = {}
    for _ in range(a.rounds):
        for proto in a.proto.split(","):
            for name, (pid, ports) in peers.items():
                if proto not in ports:
                    continue
                load(proto, ports[proto], 1)
                c0, t0 = ticks(pid), time.time()
                n, bad, p99 = load(proto, ports[proto], a.seconds)
                c1, t1 = ticks(pid), time.time()
                rows.setdefault((proto, name), []).append(((c1 - c0) / max(n, 1), n / (t1 - t0), p99, bad))
    return rows


def report(rows, first):
    print(f"{'proto':5} {'proxy':18} {'cpu_us/req':>10} {'min..max':>13} {'req/s':>9} {'p99':>9} {'bad':>5} {'ours/peer':>9}")
    for (proto, name), v in sorted(rows.items()):
        med = statistics.median(x[0] for x in v)
        ours = rows.get((proto, first))
        # paired by round: the ratio survives a drift of the machine
        ratio = f"{statistics.median(o[0] / max(x[0], 1e-9) for o, x in zip(ours, v)):.2f}" if ours else "-"
        print(f"{proto:5} {name:18} {med:10.2f} {min(x[0] for x in v):6.2f}..{max(x[0] for x in v):<5.2f} "
              f"{statistics.median(x[1] for x in v):9.0f} {v[-1][2]:>9} {sum(x[3] for x in v):5} {ratio:>9}")


def main():
    start_upstream()
    peers = start_peers()
    for ours in a.ours:
        name, place = ours.split("=")
        port, pid = map(int, place.split(":"))
        peers[name] = (pid, {"h1": port, "h2": port})
    first = a.ours[0].split("=")[0] if a.ours else ""
    time.sleep(4)
    for name, (_, ports) in peers.items():
        check(name, ports)
    report(measure(peers), first)


try:
    main()
finally:
    for p in procs:
        try:
            os.killpg(p.pid, signal.SIGTERM)
        except OSError:
            pass
    shutil.rmtree(work, ignore_errors=True)
