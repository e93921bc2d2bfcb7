"""In what order jobs are begun, without doing them; and a worker whose GPU is lost is replaced."""

import torch

from config.config import AppOptions
from serving.job_files import JobFiles
from serving.job_queue import JobQueue
from serving.job_store import COMPLETED, FAILED, JobStore
from serving.worker import do


def test_previews_come_first_and_wait_for_nobody(tmp_path):
    store = JobStore(tmp_path / "jobs.sqlite")
    queue = JobQueue(AppOptions(workers=1), store, JobFiles(tmp_path / "jobs"), lambda job: None)
    lane, spare = queue.lanes
    for number, kind in enumerate(("dub", "dub", "preview", "avatar", "preview")):
        store.add(str(number), kind, {}, "")
    assert queue.next(lane).id == "2"
    assert queue.next(spare).id == "4"
    for expected in ("0", "1", "3"):
        lane.current = None
        assert not queue.is_wanted(spare)
        assert queue.next(lane).id == expected and queue.is_wanted(spare)


def test_a_worker_that_loses_its_gpu_says_why_and_is_replaced(tmp_path, monkeypatch):
    class Workshop:
        def do(self, job, listener):
            try:
                raise torch.AcceleratorError("CUDA error: an illegal memory access was encountered")
            except torch.AcceleratorError as error:
                raise ValueError("the generator failed") from error

    job = {"id": "1", "names": {}}
    state, message, lost = do(Workshop(), job, None)
    assert (state, lost) == (FAILED, True) and "the generator failed" in message
    Workshop.do = lambda *given: "done"
    assert do(Workshop(), job, None) == (COMPLETED, "done", False)

    store = JobStore(tmp_path / "jobs.sqlite")
    lane = JobQueue(AppOptions(workers=1), store, JobFiles(tmp_path / "jobs"), lambda job: None).lanes[0]
    loads = []
    monkeypatch.setattr(lane, "load", lambda: loads.append(1))
    lane.generator = "ready"
    for number, end in enumerate([(COMPLETED, "", False), (FAILED, "CUDA error", True)]):
        store.add(str(number), "dub", {}, "")
        monkeypatch.setattr(lane, "outcome", lambda job, end=end: end)
        lane.do(store.take(["dub"]))
        assert (store.get(str(number)).state, len(loads)) == (end[0], number)
