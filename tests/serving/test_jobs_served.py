"""Jobs on a real server: whole, cancelled, refused by what their files hold, and through a kill -9 of the server."""

import signal
import zipfile
from pathlib import Path

import pytest

from media.video import probe


def test_a_job_becomes_a_video_and_is_deleted(server, sent, tmp_path):
    posted = server.post(video=sent / "脸 1.mp4", speech=sent / "short.wav", crf="30", lip_strength="0.5")
    assert posted.status_code == 201 and posted.json()["state"] == "pending"
    job = server.ended(posted.json()["id"])
    assert (job["state"], job["progress"], job["title"]) == ("completed", 1, "脸 1 + short"), job
    assert job["message"].startswith("result.mp4: 10 frames in ") and job["stage"]["frames"] == 10
    result = server.http.get(job["result"])
    assert result.headers["content-type"] == "video/mp4"
    assert "%E8%84%B8%201%20%2B%20short.mp4" in result.headers["content-disposition"]
    (tmp_path / "result.mp4").write_bytes(result.content)
    (tmp_path / "source.mp4").write_bytes(server.http.get(f"/api/jobs/{job['id']}/source").content)
    assert [probe(tmp_path / name).num_frames for name in ("result.mp4", "source.mp4")] == [10, 10]
    assert server.http.delete(f"/api/jobs/{job['id']}").status_code == 200
    assert server.http.get(f"/api/jobs/{job['id']}").status_code == 404
    assert server.http.get(job["result"]).status_code == 404


def test_a_preview_is_a_picture_of_both(server, sent):
    posted = server.http.post("/api/jobs", json={"kind": "preview", "video": "脸 1.mp4", "speech": "short.wav"})
    job = server.ended(posted.json()["id"])
    assert job["state"] == "completed", job
    result = server.http.get(job["result"])
    assert result.headers["content-type"] == "image/jpeg" and result.content[:3] == b"\xff\xd8\xff"


def bad_file(folder: Path, kind: str, sent: Path) -> Path:
    path = folder / f"{kind}.mp4"
    whole = (sent / "脸 1.mp4").read_bytes()
    contents = {
        "torn": whole[: len(whole) // 2],
        "text": b"words",
        "empty": b"",
        "page": b"<script>alert(1)</script>",
        "playlist": b"ffconcat version 1.0\nfile short.wav\n",
        "stream": b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1/a.ts\n",
    }
    if kind == "bomb":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("x.mp4", bytes(10**7))
    else:
        path.write_bytes(contents[kind])
    return path


@pytest.mark.parametrize("kind", ["torn", "text", "empty", "page", "playlist", "stream", "bomb"])
def test_a_bad_video_fails_by_the_name_it_was_sent_under(server, sent, tmp_path, kind):
    posted = server.post(video=bad_file(tmp_path, kind, sent), speech=sent / "short.wav")
    job = server.ended(posted.json()["id"])
    assert job["state"] == "failed" and job["message"].startswith(f"{kind}.mp4"), job
    assert "\n" not in job["message"] and "/state" not in job["message"]
    assert server.http.get(f"/api/jobs/{job['id']}/result").status_code == 409


@pytest.mark.parametrize(
    "video, speech, part",
    [
        ("blank.mp4", "short.wav", "blank.mp4: no face"),
        ("short.wav", "short.wav", "short.wav has no video"),
        ("脸 1.mp4", "脸 1.mp4", "脸 1.mp4 has no sound"),
        ("脸 1.mp4", "too_long.wav", "too_long.wav lasts longer than 60 s"),
    ],
)
def test_what_cannot_be_dubbed_fails_with_its_reason(server, sent, video, speech, part):
    posted = server.post(video=sent / video, speech=sent / speech)
    job = server.ended(posted.json()["id"])
    assert job["state"] == "failed" and part in job["message"], job


def test_a_running_job_and_a_waiting_one_are_cancelled(server, sent):
    running, waiting = (server.post(video=sent / "脸 1.mp4", speech=sent / "long.wav").json()["id"] for _ in range(2))
    server.until(lambda: server.job(running)["stage"].get("work") == "dubbing")
    assert 0.3 < server.job(running)["progress"] < 1 and server.job(running)["stage"]["total"] == 750
    assert server.http.delete(f"/api/jobs/{waiting}").json()["state"] == "cancelled"
    server.http.delete(f"/api/jobs/{running}")
    assert server.ended(running)["state"] == "cancelled"
    job = server.ended(server.post(video=sent / "脸 1.mp4", speech=sent / "short.wav").json()["id"])
    assert job["state"] == "completed"


def test_no_job_is_lost_or_done_twice_when_the_server_is_killed(server, sent):
    done = server.ended(server.post(video=sent / "脸 1.mp4", speech=sent / "short.wav").json()["id"])
    good = {"video": "脸 1.mp4", "speech": "short.wav"}
    orders = [{"video": "脸 1.mp4", "speech": "middle.wav"}, *[good] * 3, {**good, "video": "short.wav"}]

    def post(number: int) -> str:
        key = {"Idempotency-Key": f"batch {number}"}
        return server.http.post("/api/jobs", json=orders[number], headers=key).json()["id"]

    jobs = [post(number) for number in range(len(orders))]
    server.until(lambda: server.job(jobs[0])["stage"].get("work") == "dubbing")
    folder = Path(server.flags["state_folder"]) / "jobs" / jobs[0]
    assert [path.name for path in folder.iterdir() if not path.name.startswith(".partial-")] == []
    assert server.end(signal.SIGKILL) == -signal.SIGKILL
    server.start()
    assert [post(number) for number in range(len(orders))] == jobs
    assert [server.ended(job)["state"] for job in jobs] == ["completed"] * 4 + ["failed"]
    assert server.job(done["id"]) == done and server.http.get(done["result"]).status_code == 200
    assert not list(Path(server.flags["state_folder"]).glob("jobs/*/.partial-*"))
