"""A gRPC server that describes itself: grpc.reflection.v1alpha from grpcio-reflection.

reflecting.py PORT SET SERVICE...   describes these services from the descriptor set in a file, and no other;
                                    prints the port, serves until its standard input ends; over TLS where the files
                                    `key` and `certificate` stand beside the set
"""
import pathlib
import sys
from concurrent import futures

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool
from grpc_reflection.v1alpha import reflection


def pool_of(path):
    files = descriptor_pb2.FileDescriptorSet()
    with open(path, "rb") as file:
        files.ParseFromString(file.read())
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)
    return pool


def serve(port, path, services):
    server = grpc.server(futures.ThreadPoolExecutor(4), options=[("grpc.so_reuseport", 0)])
    reflection.enable_server_reflection((*services, reflection.SERVICE_NAME), server, pool=pool_of(path))
    address = f"127.0.0.1:{port}"
    identity = [pathlib.Path(path).with_name(name) for name in ("key", "certificate")]
    if all(file.exists() for file in identity):
        credentials = grpc.ssl_server_credentials([tuple(file.read_bytes() for file in identity)])
        print(server.add_secure_port(address, credentials), flush=True)
    else:
        print(server.add_insecure_port(address), flush=True)
    server.start()
    sys.stdin.read()
    server.stop(None)


serve(sys.argv[1], sys.argv[2], sys.argv[3:])
