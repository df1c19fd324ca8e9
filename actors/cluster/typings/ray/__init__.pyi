# What is used of Ray, in types. Its own say hardly more, and are spread over eight hundred modules, which take mypy as
# long as half of our code. tests/cluster/test_ray_typings.py holds these against Ray itself.

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

class _Node(TypedDict):
    NodeID: str
    Alive: bool
    NodeManagerAddress: str
    NodeManagerPort: int
    Resources: Mapping[str, float]

class _Context:
    def get_job_id(self) -> str: ...

class _Method:
    async def remote(self, *args: Any) -> Any: ...

class _Actor:
    def __getattr__(self, name: str) -> _Method: ...

class _ActorClass:
    def options(
        self,
        *,
        name: str,
        namespace: str,
        lifetime: str,
        get_if_exists: bool,
        max_restarts: int,
        max_task_retries: int,
        num_cpus: float,
        enable_task_events: bool,
        scheduling_strategy: Any = ...,
    ) -> _ActorClass: ...
    def remote(self, *args: Any) -> _Actor: ...

def init(
    address: str | None = ...,
    *,
    namespace: str,
    include_dashboard: bool | None = ...,
    num_cpus: int | None = ...,
    object_store_memory: int | None = ...,
    log_to_driver: bool,
    configure_logging: bool,
    _temp_dir: str | None = ...,
) -> object: ...
def shutdown() -> None: ...
def remote(kind: type, /) -> _ActorClass: ...
def get_actor(name: str, namespace: str | None = ...) -> _Actor: ...
def kill(actor: _Actor) -> None: ...
def nodes() -> Sequence[_Node]: ...
def get_runtime_context() -> _Context: ...
