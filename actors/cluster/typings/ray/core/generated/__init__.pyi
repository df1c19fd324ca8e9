# Ray's own gRPC.

from ray.core.generated import node_manager_pb2 as node_manager_pb2
from ray.core.generated import node_manager_pb2_grpc as node_manager_pb2_grpc
