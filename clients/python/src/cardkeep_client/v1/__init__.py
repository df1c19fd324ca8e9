"""Generated messages and stubs of `cardkeep.v1`; do not edit. The .proto files document them."""
