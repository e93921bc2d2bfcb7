"""Requests that are refused before any work: one line each, with the status that HTTP has for it."""

import dataclasses
import json

import pytest
from starlette.testclient import TestClient

from config.config import AppOptions
from config.errors import InputError
from serving.job_store import JobStore
from serving.orders import OPTIONS
from serving.server import build_api
from serving.service import Service
from serving.state_folder import check_own

PORT = 7860


def client(options: AppOptions, host: str = "127.0.0.1") -> TestClient:
    """Calls a server that takes jobs and does none."""
    return TestClient(build_api(options, Service(options), PORT), base_url=f"http://{host}:{PORT}")


@pytest.fixture
def options(tmp_path):
    (tmp_path / "media").mkdir()
    (tmp_path / "media" / "a.mp4").write_bytes(b"x")
    (tmp_path / "secret.mp4").write_bytes(b"x")
    (tmp_path / "media" / "link.mp4").symlink_to(tmp_path / "secret.mp4")
    return AppOptions(
        state_folder=str(tmp_path / "state"), media_root=str(tmp_path / "media"), callback_host="a.example:8080",
        max_upload=1, max_pending=3,
    )  # fmt: skip


GOOD = {"video": "a.mp4", "speech": "a.mp4"}
REFUSED = {
    "no speech": ({"video": "a.mp4"}, 400, "speech is missing"),
    "a number": ({**GOOD, "video": 3}, 400, "video is missing"),
    "not there": ({**GOOD, "video": "b.mp4"}, 404, "no such file"),
    "folder": ({**GOOD, "video": "."}, 404, "no such file"),
    "upwards": ({**GOOD, "video": "../secret.mp4"}, 404, "no such file"),
    "absolute": ({**GOOD, "video": "/etc/passwd"}, 404, "no such file"),
    "a link that leads out": ({**GOOD, "video": "link.mp4"}, 404, "no such file"),
    "null character": ({**GOOD, "video": "a\0.mp4"}, 404, "no such file"),
    "long name": ({**GOOD, "video": "x" * 5000}, 404, "no such file"),
    "half a character": ({**GOOD, "video": "\ud83d"}, 404, "no such file"),
    "unknown": ({**GOOD, "quality": 3}, 400, "'quality' is nothing that a job has"),
    "a path of the server's": ({**GOOD, "output": "elsewhere/a.mp4"}, 400, "'output' is nothing"),
    "another checkpoint": ({**GOOD, "pretrained_clip_DINet_path": "x"}, 400, "is nothing"),
    "crf": ({**GOOD, "crf": 52}, 400, "crf is 52; expected at most 51"),
    "crf in words": ({**GOOD, "crf": "high"}, 400, "crf is 'high'"),
    "lip strength": ({**GOOD, "lip_strength": float("nan")}, 400, "lip_strength is nan"),
    "a list": ({**GOOD, "crf": [1]}, 400, "crf has no plain value"),
    "kind": ({**GOOD, "kind": "harm"}, 400, "kind is 'harm'"),
    "another host": ({**GOOD, "callback": "http://b.example/"}, 403, "b.example is not among"),
    "a host within an address": ({**GOOD, "callback": "http://a.example:8080@b.example/"}, 400, "no address"),
    "another port": ({**GOOD, "callback": "http://a.example/"}, 403, "a.example is not among"),
    "a file": ({**GOOD, "callback": "file:///etc/passwd"}, 400, "callback is no address"),
    "broken address": ({**GOOD, "callback": "http://[::1"}, 400, "callback is no address"),
}


@pytest.mark.parametrize("values, status, part", REFUSED.values(), ids=REFUSED)
def test_values_that_no_job_can_have(options, values, status, part):
    answer = client(options).post("/api/jobs", content=json.dumps(values), headers={"Content-Type": "application/json"})
    assert answer.status_code == status and part in answer.json()["detail"] and "\n" not in answer.json()["detail"]
    assert not list((Service(options).files.root).iterdir())


@pytest.mark.parametrize("body", [b"{", b"[" * 100000, b"[1]", b"\xff", b"null"])
def test_malformed_json_is_one_line(options, body):
    answer = client(options).post("/api/jobs", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400 and "JSON" in answer.json()["detail"]


def test_other_bodies_are_refused(options):
    calls = client(options)
    assert calls.post("/api/jobs", data={"video": "a"}).status_code == 415
    torn = calls.post("/api/jobs", content=b"--x", headers={"Content-Type": "multipart/form-data; boundary=y"})
    assert torn.status_code == 400
    many = [("video", ("a.mp4", b"x")) for _ in range(9)]
    assert calls.post("/api/jobs", files=many).status_code == 400
    twice = [("video", ("a.mp4", b"x")), ("video", ("b.mp4", b"x"))]
    assert "given twice" in calls.post("/api/jobs", files=twice).json()["detail"]


def test_large_bodies_are_refused_as_stated_and_as_they_come(options):
    calls = client(options)
    large = {"video": ("a.mp4", bytes(2 * 10**6)), "speech": ("a.wav", b"x")}
    stated = calls.post("/api/jobs", files=large)
    assert stated.status_code == 413 and "larger than 1 MB" in stated.json()["detail"]
    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    head = b'--x\r\nContent-Disposition: form-data; name="video"; filename="a.mp4"\r\n\r\n'
    unstated = calls.post("/api/jobs", content=iter([head, *[bytes(10**5)] * 20]), headers=kind)
    assert unstated.status_code == 413
    text = calls.post("/api/jobs", content=bytes(2 * 10**6), headers={"Content-Type": "application/json"})
    assert text.status_code == 413


def test_names_of_uploads_lead_nowhere(options):
    files = {"video": ("../../../up.mp4", b"x"), "speech": ("a\\..\\b.wa v", b"x")}
    job = client(options).post("/api/jobs", files=files).json()
    folder = Service(options).files.folder(job["id"])
    assert sorted(path.name for path in folder.iterdir()) == ["speech", "video.mp4"]
    assert job["title"] == "up + b"


def test_too_many_jobs_wait_and_a_repeated_post_is_the_same_job(options):
    calls = client(options)
    first, again = (calls.post("/api/jobs", json=GOOD, headers={"Idempotency-Key": "k"}).json() for _ in range(2))
    assert first == again
    assert [calls.post("/api/jobs", json=GOOD).status_code for _ in range(3)] == [201, 201, 429]
    assert calls.post("/api/jobs", json=GOOD, headers={"Idempotency-Key": "k"}).json() == first
    assert [job["id"] for job in calls.get("/api/jobs?limit=10").json()][-1] == first["id"]
    assert calls.get("/api/jobs?state=broken").status_code == 422
    assert calls.get("/api/jobs/..%2f..%2fetc").status_code in (404, 422)


def test_the_token_is_asked_of_everybody(options):
    calls = client(dataclasses.replace(options, token="秘密 x"), "other.example")
    for shown in ({}, {"Authorization": "Bearer wrong"}, {"Cookie": f"lip_sync_{PORT}=x"}):
        for path in ("/api/jobs", "/docs", "/openapi.json"):
            refused = calls.get(path, headers=shown)
            assert refused.status_code == 401 and "token" in refused.json()["detail"]
    assert "<form" in calls.get("/").text
    assert calls.get("/api/jobs", headers={"Authorization": "Bearer 秘密 x".encode()}).status_code == 200
    entered = calls.get("/", params={"token": "秘密 x"}, follow_redirects=False)
    assert (entered.status_code, entered.headers["location"]) == (303, "/")
    assert "httponly" in entered.headers["set-cookie"].lower() and "秘密" not in entered.headers["set-cookie"]
    assert calls.get("/api/jobs").status_code == 200  # by the cookie


def test_pages_of_other_sites_cannot_use_a_browser(options):
    calls = client(options)
    foreign = calls.post("/api/jobs", json=GOOD, headers={"Origin": "http://evil.example"})
    assert foreign.status_code == 403
    assert calls.post("/api/jobs", json=GOOD, headers={"Origin": f"http://127.0.0.1:{PORT}"}).status_code == 201
    assert client(options, "evil.example").get("/api/jobs").status_code == 403
    assert client(options, "localhost").get("/api/jobs").status_code == 200


def test_the_description_of_the_api_names_every_option(options):
    calls = client(options)
    content = calls.get("/openapi.json").json()["paths"]["/api/jobs"]["post"]["requestBody"]["content"]
    names = {"video", "avatar", "speech", "kind", "callback", *OPTIONS}
    assert content.keys() == {"application/json", "multipart/form-data"}
    assert all(form["schema"]["properties"].keys() == names for form in content.values())
    assert "//cdn" not in calls.get("/docs").text


def test_a_job_that_saw_the_server_die_twice_is_not_begun_again(tmp_path):
    for state in ("pending", "failed"):
        store = JobStore(tmp_path / "jobs.sqlite")
        job = store.get("a") or store.add("a", "dub", {}, "a")
        assert store.take(["dub"]).state == "running" and store.take(["dub"]) is None
        store.close()
        store = JobStore(tmp_path / "jobs.sqlite")
        store.recover()
        assert store.get(job.id).state == state
        store.close()
    assert "died 2 times" in JobStore(tmp_path / "jobs.sqlite").get("a").message


def test_a_state_folder_with_files_of_others_is_refused(tmp_path):
    check_own(tmp_path / "new")
    check_own(tmp_path)
    (tmp_path / ".lock").touch()  # of a server that was killed as it began
    check_own(tmp_path)
    (tmp_path / "jobs").mkdir()
    with pytest.raises(InputError, match="--state_folder: .* holds other files, such as jobs"):
        check_own(tmp_path)
    (tmp_path / "jobs.sqlite").touch()
    check_own(tmp_path)
