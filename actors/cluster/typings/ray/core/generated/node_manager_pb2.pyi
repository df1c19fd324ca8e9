# Ray's own gRPC.

class PrestartWorkersRequest:
    def __init__(self, *, job_id: bytes, num_workers: int) -> None: ...
