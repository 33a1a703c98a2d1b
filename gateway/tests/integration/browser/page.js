// Calls the bookstore from a browser, as connect-web and as grpc-web, and tells its own server what came of it.

import { createFileRegistry, create, fromBinary, toBinary, toJson } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";
import { GrpcWebClientBase, MethodDescriptor, MethodType } from "grpc-web";

const SERVICE = "bookstore.v1.Bookstore";
const gateway = new URLSearchParams(location.search).get("gateway");
const metadata = { "x-customer": "browser" };

async function descriptors() {
  const answer = await fetch("/bookstore.pb");
  return createFileRegistry(fromBinary(FileDescriptorSetSchema, new Uint8Array(await answer.arrayBuffer())));
}

/** Binary, over fetch. */
async function connectWeb(service) {
  const books = createClient(service, createGrpcWebTransport({ baseUrl: gateway }));
  const options = { headers: metadata, timeoutMs: 15_000 };
  const seen = {};
  const book = await books.getBook({ shelf: "crime", id: "moonstone" }, options);
  seen.unary = book.title;
  seen.missing = await books.getBook({ shelf: "crime", id: "nothing" }, options).then(
    () => "found",
    (error) => {
      const { code, rawMessage, metadata } = ConnectError.from(error);
      return [Code[code], rawMessage, metadata.has("grpc-status-details-bin")];
    },
  );
  seen.stream = [];
  // The third event comes only after the second was read here, so that the stream must be one.
  for await (const event of books.watchBooks({ shelf: "crime", limit: 3 }, options)) {
    seen.stream.push(event.book.id);
    if (seen.stream.length === 2) {
      await books.createBook({ book: { shelf: "crime", id: "connect", title: "Made while watching" } }, options);
    }
  }
  return seen;
}

/** Over XMLHttpRequest; only its text format has streams. */
async function grpcWeb(service, format) {
  const client = new GrpcWebClientBase({ format });
  const describe = (name, type) => {
    const { input, output } = service.methods.find((method) => method.name === name);
    return new MethodDescriptor(
      `/${SERVICE}/${name}`,
      type,
      Object,
      Object,
      (message) => toBinary(input, create(input, message)),
      (bytes) => toJson(output, fromBinary(output, bytes)),
    );
  };
  const call = (name, message) =>
    client.unaryCall(`${gateway}/${SERVICE}/${name}`, message, metadata, describe(name, MethodType.UNARY));
  const seen = {};
  seen.unary = (await call("GetBook", { shelf: "crime", id: "moonstone" })).title;
  seen.missing = await call("GetBook", { shelf: "crime", id: "nothing" }).then(
    () => "found",
    (error) => [error.code, error.message],
  );
  if (format === "text") {
    seen.stream = await new Promise((resolve, reject) => {
      const method = "WatchBooks";
      const stream = client.serverStreaming(
        `${gateway}/${SERVICE}/${method}`,
        { shelf: "poetry", limit: 2 },
        metadata,
        describe(method, MethodType.SERVER_STREAMING),
      );
      const ids = [];
      stream.on("data", (event) => {
        ids.push(event.book.id);
        if (ids.length === 1) {
          call("CreateBook", { book: { shelf: "poetry", id: "grpc-web", title: "Made while watching" } }).catch(reject);
        }
      });
      stream.on("error", reject);
      stream.on("end", () => resolve(ids));
    });
  }
  return seen;
}

/** What stands in for the answer when there is none. */
const tried = (promise) => promise.catch((error) => ({ failed: String(error) }));

const service = (await descriptors()).getService(SERVICE);
const seen = {
  connect: await tried(connectWeb(service)),
  text: await tried(grpcWeb(service, "text")),
  binary: await tried(grpcWeb(service, "binary")),
};
await fetch("/seen", { method: "POST", body: JSON.stringify(seen) });
