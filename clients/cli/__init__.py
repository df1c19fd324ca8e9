"""The command line `cardkeep`: for shop staff, operators and anyone who tries it out.

Speaks the public API only, through `cardkeep_client`; starts a house as a process and never as an import.
What is slow to import (gRPC, the reader of card files) is imported by the command that needs it.
"""
