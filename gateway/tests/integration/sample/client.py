"""Calls the bookstore with what its own server reflection tells, and prints what came back as JSON.

client.py ADDRESS DESCRIPTORS    the descriptors are those of server reflection itself
"""
import json
import sys

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

LIMIT = dict(timeout=15)
pool = descriptor_pool.DescriptorPool()


def add(files):
    for file in files:
        try:
            pool.FindFileByName(file.name)
        except KeyError:
            pool.Add(file)


def call(channel, method, *requests):
    """The answers to the requests, whatever kind of call it is."""
    service, name = method.split("/")
    method = pool.FindServiceByName(service).methods_by_name[name]
    request = message_factory.GetMessageClass(method.input_type)
    kind = {
        (False, False): channel.unary_unary,
        (False, True): channel.unary_stream,
        (True, False): channel.stream_unary,
        (True, True): channel.stream_stream,
    }[method.client_streaming, method.server_streaming]
    rpc = kind(
        f"/{service}/{name}",
        request_serializer=lambda message: message.SerializeToString(),
        response_deserializer=message_factory.GetMessageClass(method.output_type).FromString,
    )
    requests = [json_format.ParseDict(one, request()) for one in requests]
    answer = rpc(iter(requests) if method.client_streaming else requests[0], **LIMIT)
    return list(answer) if method.server_streaming else [answer]


def learn(channel):
    """Takes the bookstore's files over from the server."""
    reflection = "grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
    services, found = call(channel, reflection, {"listServices": "*"}, {"fileContainingSymbol": "bookstore.v1.Bookstore"})
    files = found.file_descriptor_response.file_descriptor_proto
    parsed = [descriptor_pb2.FileDescriptorProto.FromString(file) for file in files]
    # What a file imports stands after it.
    add(reversed(parsed))
    return sorted(service.name for service in services.list_services_response.service)


def books(channel):
    def ask(method, *requests):
        return [json_format.MessageToDict(one) for one in call(channel, f"bookstore.v1.Bookstore/{method}", *requests)]

    yield "get", ask("GetBook", {"shelf": "crime", "id": "moonstone"})[0]["title"]
    yield "watch", [event["book"]["id"] for event in ask("WatchBooks", {"shelf": "poetry", "limit": 1})]
    new = [{"book": {"shelf": "maps", "id": str(number), "title": "Map"}} for number in (1, 2, 2)]
    yield "import", ask("ImportBooks", *new)[0]
    asked = [{"shelf": "crime", "id": "moonstone", "copies": 2}, {"shelf": "poetry", "id": "sonnets"}]
    yield "quote", [quote["price"] for quote in ask("QuoteBooks", *asked)]
    try:
        ask("GetBook", {"shelf": "crime", "id": "nothing"})
    except grpc.RpcError as error:
        yield "missing", [error.code().name, "grpc-status-details-bin" in dict(error.trailing_metadata())]


if __name__ == "__main__":
    with open(sys.argv[2], "rb") as file:
        add(descriptor_pb2.FileDescriptorSet.FromString(file.read()).file)
    with grpc.insecure_channel(sys.argv[1]) as channel:
        seen = {"services": learn(channel)}
        seen |= books(channel)
    print(json.dumps(seen))
