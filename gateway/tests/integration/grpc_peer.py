"""A gRPC server and a client for it, without generated code.

grpc_peer.py serve          prints the port, serves until its standard input ends
grpc_peer.py call ADDRESS   makes one call of each kind, prints what came back as JSON
grpc_peer.py send ADDRESS METHOD TEXT   makes one call, prints the answer as JSON
grpc_peer.py statuses ADDRESS PATH...   calls each method, prints code, details and metadata of each as JSON
"""
import json
import sys
import threading
from concurrent import futures

import grpc

SERVICE = "witgate.test.Echo"
HEALTH = "/grpc.health.v1.Health/Check"

# grpc.health.v1.HealthCheckResponse: SERVING is 1, NOT_SERVING is 2.
standing = 1
# How many endless calls have ended.
ended = threading.Semaphore(0)


class Handlers(grpc.GenericRpcHandler):
    def service(self, details):
        kinds = {
            "Unary": grpc.unary_unary_rpc_method_handler(unary),
            "Download": grpc.unary_stream_rpc_method_handler(download),
            "Upload": grpc.stream_unary_rpc_method_handler(upload),
            "Chat": grpc.stream_stream_rpc_method_handler(chat),
            "Fail": grpc.unary_unary_rpc_method_handler(fail),
            "Slow": grpc.unary_unary_rpc_method_handler(slow),
            "Endless": grpc.unary_stream_rpc_method_handler(endless),
            "Ended": grpc.unary_unary_rpc_method_handler(await_end),
            "SetHealth": grpc.unary_unary_rpc_method_handler(set_health),
        }
        if details.method == HEALTH:
            return grpc.unary_unary_rpc_method_handler(lambda request, context: bytes((8, standing)))
        service, _, method = details.method.lstrip("/").partition("/")
        return kinds.get(method) if service == SERVICE else None


def unary(request, context):
    metadata = dict(context.invocation_metadata())
    context.send_initial_metadata((("x-initial", "yes"),))
    context.set_trailing_metadata((("x-trailing", metadata.get("x-sent", "")),))
    return b"echo " + request


def download(request, context):
    for number in range(int(request)):
        yield str(number).encode()


def upload(requests, context):
    return str(sum(len(request) for request in requests)).encode()


def chat(requests, context):
    for request in requests:
        yield request.upper()


def fail(request, context):
    # google.rpc.Status with a code and a message.
    context.set_trailing_metadata((("grpc-status-details-bin", b"\x08\x09\x12\x03no!"),))
    context.abort(grpc.StatusCode.FAILED_PRECONDITION, "not today: 100 % ä")


def slow(request, context):
    import time
    while context.is_active():
        time.sleep(0.01)
    return b""


def endless(request, context):
    import time
    context.add_callback(ended.release)
    while context.is_active():
        yield b"piece"
        time.sleep(0.01)


def await_end(request, context):
    return b"yes" if ended.acquire(timeout=10) else b"no"


def set_health(request, context):
    global standing
    standing = int(request)
    return b""


def serve():
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=8))
    server.add_generic_rpc_handlers((Handlers(),))
    print(server.add_insecure_port("127.0.0.1:0"), flush=True)
    server.start()
    sys.stdin.read()
    server.stop(0)


def call(address):
    seen = {}
    with grpc.insecure_channel(address) as channel:
        path = f"/{SERVICE}/"
        limit = dict(timeout=15)
        answer, rpc = channel.unary_unary(path + "Unary").with_call(b"hi", metadata=(("x-sent", "42"),), **limit)
        seen["unary"] = answer.decode()
        seen["initial"] = dict(rpc.initial_metadata()).get("x-initial")
        seen["trailing"] = dict(rpc.trailing_metadata()).get("x-trailing")
        seen["download"] = [piece.decode() for piece in channel.unary_stream(path + "Download")(b"5", **limit)]
        seen["upload"] = channel.stream_unary(path + "Upload")(iter([b"a" * 100_000] * 10), **limit).decode()
        seen["chat"] = converse(channel.stream_stream(path + "Chat"))
        seen["large"] = len(channel.unary_unary(path + "Unary")(b"x" * 3_000_000, **limit))
        seen["fail"] = failure(lambda: channel.unary_unary(path + "Fail")(b"", **limit))
        seen["missing"] = failure(lambda: channel.unary_unary(path + "Missing")(b"", **limit))
        seen["details"] = details(channel.unary_unary(path + "Fail"))
        seen["cancelled"] = cut(channel, lambda: channel.unary_stream(path + "Endless")(b"", **limit), True)
        seen["cut"] = cut(channel, lambda: channel.unary_stream(path + "Endless")(b"", timeout=0.5), False)
        seen["slow"] = failure(lambda: channel.unary_unary(path + "Slow")(b"", timeout=0.3))
    print(json.dumps(seen))


def statuses(address, paths):
    """On one channel, so that what one call costs the others shows."""
    seen = {}
    with grpc.insecure_channel(address) as channel:
        for path in paths:
            rpc = channel.unary_unary(path).future(b"x" * 100, timeout=15)
            rpc.exception()
            metadata = [*(rpc.initial_metadata() or ()), *(rpc.trailing_metadata() or ())]
            seen[path] = {"code": rpc.code().name, "details": rpc.details(), "metadata": dict(metadata)}
    print(json.dumps(seen))


def converse(method):
    """Each message is sent only after the answer to the one before has come."""
    import queue
    outgoing = queue.Queue()
    answers = method(iter(outgoing.get, None), timeout=15)
    heard = []
    for word in (b"one", b"two", b"three"):
        outgoing.put(word)
        heard.append(next(answers).decode())
    outgoing.put(None)
    heard += [answer.decode() for answer in answers]
    return heard


def details(method):
    try:
        method(b"", timeout=15)
    except grpc.RpcError as error:
        return dict(error.trailing_metadata())["grpc-status-details-bin"].hex()


def cut(channel, begin, cancels):
    """A stream that its client ends; whether the server has learned of it."""
    pieces = begin()
    next(pieces)
    if cancels:
        pieces.cancel()
    failed = failure(lambda: list(pieces))
    told = channel.unary_unary(f"/{SERVICE}/Ended")(b"", timeout=15)
    return [failed[0], told.decode()]


def send(address, method, text):
    with grpc.insecure_channel(address) as channel:
        print(json.dumps(channel.unary_unary(method)(text.encode(), timeout=15).decode()))


def failure(action):
    try:
        action()
    except grpc.RpcError as error:
        return [error.code().name, error.details()]
    return None


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve"]:
            serve()
        case ["call", address]:
            call(address)
        case ["send", address, method, text]:
            send(address, method, text)
        case ["statuses", address, *paths]:
            statuses(address, paths)
