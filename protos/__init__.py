"""The public API: the .proto files, their generated code, and `generate`, which makes one from the other."""
