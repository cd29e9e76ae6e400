"""How fast two processes of one machine send each other tensors, by gloo."""

import socket
import time
from datetime import timedelta
from multiprocessing.queues import SimpleQueue
from statistics import median

import torch
from torch import distributed, multiprocessing
from torch.multiprocessing.spawn import spawn

MEGABYTES = 8  # a batch of activations
TIMES = 10


def network_rate() -> float:
    """Give bytes a second, between two processes that this starts and ends."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    found: SimpleQueue[float] = multiprocessing.get_context("spawn").SimpleQueue()
    spawn(_send_or_receive, args=(port, found), nprocs=2)
    return found.get()


def _send_or_receive(rank: int, port: int, found: "SimpleQueue[float]") -> None:
    store = f"tcp://127.0.0.1:{port}"
    distributed.init_process_group("gloo", init_method=store, rank=rank, world_size=2, timeout=timedelta(seconds=60))
    batch, seconds = torch.zeros(MEGABYTES * 2**18), []
    for _ in range(TIMES):
        distributed.barrier()
        started = time.perf_counter()
        if rank:
            distributed.recv(batch, src=0)
        else:
            distributed.send(batch, dst=1)
        seconds.append(time.perf_counter() - started)
    if rank:
        found.put(batch.nbytes / median(seconds))
    distributed.destroy_process_group()
