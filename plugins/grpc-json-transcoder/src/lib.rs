//! Serves gRPC services as REST and JSON APIs.
