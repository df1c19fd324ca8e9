# Ray's own gRPC.

from collections.abc import Sequence

import grpc
from ray.core.generated.node_manager_pb2 import PrestartWorkersRequest

class NodeManagerServiceStub:
    def __init__(self, channel: grpc.Channel) -> None: ...
    def PrestartWorkers(
        self, request: PrestartWorkersRequest, *, metadata: Sequence[tuple[str, str]], timeout: float
    ) -> object: ...
