"""In what order jobs are begun, without doing them."""

from config.config import AppOptions
from serving.job_files import JobFiles
from serving.job_queue import JobQueue
from serving.job_store import JobStore


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
