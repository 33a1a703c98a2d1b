"""The server of probe.proto, on grpcio's asyncio stack, without generated code.

peer.py DESCRIPTORS    prints the port, serves until its standard input ends
"""
import asyncio
import collections
import sys

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

PACKAGE = "witgate.test.v1"
pool = descriptor_pool.DescriptorPool()


def message(name):
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(name))


class Calls:
    """What became of the calls with one key."""

    def __init__(self):
        self.started = self.cancelled = self.sent = 0
        self.released = asyncio.Semaphore(0)


calls = collections.defaultdict(Calls)


async def echo(request, context):
    answer = message(f"{PACKAGE}.EchoResponse")(request=request)
    for key, value in context.invocation_metadata():
        answer.metadata[key] = value if isinstance(value, str) else value.hex()
    answer.seconds_left = context.time_remaining() or 0
    await context.send_initial_metadata((("x-initial", "yes"), ("x-seal-bin", b"\x01\x02")))
    context.set_trailing_metadata((("x-trailing", "yes"),))
    return answer


async def patch(request, context):
    return request


def detailed(code, text):
    status = message("google.rpc.Status")(code=code, message=text)
    bad = message("google.rpc.BadRequest")()
    bad.field_violations.add(field="item.id", description="too plain")
    retry = message("google.rpc.RetryInfo")()
    retry.retry_delay.seconds = 7
    for detail in (bad, retry):
        one = status.details.add()
        one.type_url = "type.googleapis.com/" + detail.DESCRIPTOR.full_name
        one.value = detail.SerializeToString()
    # Of a type that nobody knows.
    status.details.add(type_url="type.googleapis.com/witgate.test.Unknown", value=b"\x08\x01")
    return status.SerializeToString()


def status(number):
    return next(code for code in grpc.StatusCode if code.value[0] == number)


async def fail(request, context):
    context.set_trailing_metadata((("grpc-status-details-bin", detailed(request.code, request.message)),))
    await context.abort(status(request.code), request.message)


async def count(request, context):
    mine = calls[request.key]
    mine.started += 1
    number = message(f"{PACKAGE}.Number")
    try:
        for value in range(1, request.to + 1):
            if request.key.startswith("stepped") or (request.key.startswith("held") and value > 1):
                await mine.released.acquire()
            await context.write(number(value=value, text="x" * request.size))
            mine.sent += 1
    except asyncio.CancelledError:
        mine.cancelled += 1
        raise
    if request.fail:
        await context.abort(status(request.fail), "enough is enough")


async def download(request, context):
    body = message("google.api.HttpBody")
    size = request.size or 65536
    mine = calls[request.key]
    for start in range(0, request.to, size):
        await context.write(body(content_type="application/x-zeros", data=bytes(min(size, request.to - start))))
        mine.sent += 1


async def upload(requests, context):
    answer = message(f"{PACKAGE}.UploadResponse")()
    async for piece in requests:
        answer.content_type = answer.content_type or piece.content_type
        answer.bytes += len(piece.data)
        answer.pieces += 1
    return answer


async def sum_up(requests, context):
    answer = message(f"{PACKAGE}.SumResponse")()
    async for number in requests:
        answer.total += number.value
        answer.count += 1
    return answer


async def double(requests, context):
    async for number in requests:
        await context.write(message(f"{PACKAGE}.Number")(value=2 * number.value, text=number.text))


async def wait(request, context):
    mine = calls[request.key]
    mine.started += 1
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        mine.cancelled += 1
        raise


async def release(request, context):
    for _ in range(request.count):
        calls[request.key].released.release()
    return message(f"{PACKAGE}.ReleaseResponse")()


async def watch(request, context):
    mine = calls[request.key]
    kind = message(f"{PACKAGE}.WatchResponse")
    return kind(started=mine.started, cancelled=mine.cancelled, sent=mine.sent)


METHODS = {
    "Echo": echo, "Patch": patch, "Fail": fail, "Count": count, "Download": download,
    "Upload": upload, "Sum": sum_up, "Double": double, "Wait": wait, "Release": release, "Watch": watch,
}


class Handlers(grpc.GenericRpcHandler):
    def __init__(self):
        self.methods = pool.FindServiceByName(f"{PACKAGE}.Probe").methods_by_name

    def service(self, details):
        service, _, name = details.method.lstrip("/").partition("/")
        method = self.methods.get(name) if service == f"{PACKAGE}.Probe" else None
        if method is None:
            return None
        kinds = {
            (False, False): grpc.unary_unary_rpc_method_handler,
            (False, True): grpc.unary_stream_rpc_method_handler,
            (True, False): grpc.stream_unary_rpc_method_handler,
            (True, True): grpc.stream_stream_rpc_method_handler,
        }
        return kinds[method.client_streaming, method.server_streaming](
            METHODS[name],
            request_deserializer=message_factory.GetMessageClass(method.input_type).FromString,
            response_serializer=lambda answer: answer.SerializeToString(),
        )


async def serve(descriptors):
    with open(descriptors, "rb") as file:
        for one in descriptor_pb2.FileDescriptorSet.FromString(file.read()).file:
            pool.Add(one)
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((Handlers(),))
    print(server.add_insecure_port("127.0.0.1:0"), flush=True)
    await server.start()
    await asyncio.to_thread(sys.stdin.read)
    await server.stop(0)


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
