"""Version 1 of the API. Read the .proto files: they are the documentation. `*_pb2*` is generated; do not edit."""
