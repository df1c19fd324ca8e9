"""The protobuf package `cardkeep`; its versions are below."""
