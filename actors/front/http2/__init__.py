"""A gRPC server on asyncio: HTTP/2 in bulk, so that a hot call costs no task and no system call of its own.

- `frames`: what HTTP/2 is on the wire.
- `headers`: what a request says of itself, and what an answer says before and after its message.
- `messages`: gRPC's messages out of a stream's bytes.
- `call`: one call: its state, and what whoever serves it may do.
- `desk`: the calls of one connection, from headers to trailers.
- `outlet`: the way out of one connection: frames and windows.
- `connection`: one connection: frames in, bounds, faults.
- `handlers`: serving a call by a handler as `grpc.aio` knows them, in a task.
- `server`: ports, methods, beginning and end.

Sources: RFC 9113 (HTTP/2), RFC 7541 (HPACK), and gRPC's own page on its use of them,
https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md.
"""
