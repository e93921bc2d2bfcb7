"""The page in a browser, used as a person would: every tab, at two widths, in two languages."""

import shutil

import pytest

from serving.runs import curves, find_stages

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
PATIENCE = 300_000  # milliseconds, on a busy machine
TABS = {"en": ("Dub", "Live", "Runs", "Data"), "zh-CN": ("配音", "实时", "训练", "数据")}


@pytest.fixture(scope="module")
def browser():
    if not CHROMIUM:
        pytest.skip("no browser is installed; Debian and Ubuntu: apt install chromium")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


def opened(browser, server, language: str = "en", width: int = 1400):
    """The page; what goes wrong in it is an error of the test."""
    page = browser.new_context(locale=language, viewport={"width": width, "height": 900}).new_page()
    page.set_default_timeout(PATIENCE)
    page.troubles = []
    page.on("pageerror", lambda error: page.troubles.append(str(error)))
    page.goto(server.address)
    page.get_by_role("tab", name=TABS[language][0]).wait_for()
    return page


def give(page, sent) -> None:
    page.locator("#video input[type=file]").set_input_files(sent / "脸 1.mp4")
    page.locator("#speech input[type=file]").set_input_files(sent / "short.wav")
    page.locator("#speech audio, #speech #waveform").first.wait_for(state="attached")
    page.locator("#video video").wait_for(state="attached")


def test_one_frame_first_then_the_whole_in_step_with_its_source(browser, server, sent):
    page = opened(browser, server)
    page.locator("#start_dub").click()
    page.get_by_text("Give a video of a face first.").wait_for()
    give(page, sent)
    page.locator("#start_preview").click()
    page.locator("#preview img").wait_for()
    page.locator("#start_dub").click()
    page.get_by_text("done: 10 frames in").wait_for()
    page.locator("#pair video.result").wait_for()
    page.wait_for_function("[...document.querySelectorAll('#pair video')].every((video) => video.readyState >= 2)")
    page.evaluate("document.querySelector('#pair .result').currentTime = 0.2")
    page.wait_for_function("Math.abs(document.querySelector('#pair .source').currentTime - 0.2) < 0.02")
    with page.expect_download() as download:
        page.locator("#pair a.download").click()
    assert download.value.suggested_filename.endswith(".mp4") and not page.troubles


def test_a_job_is_cancelled_and_listed(browser, server, sent):
    page = opened(browser, server)
    give(page, sent)
    page.locator("#speech").get_by_label("Clear").click()
    page.locator("#speech input[type=file]").set_input_files(sent / "long.wav")
    page.wait_for_timeout(500)
    page.locator("#start_dub").click()
    page.get_by_text("frames/s").wait_for()
    page.locator("#cancel").click()
    page.locator("#progress").get_by_text("cancelled").wait_for()
    page.locator("#all_jobs").get_by_role("button").first.click()
    page.get_by_role("button", name="Refresh").first.click()
    page.locator("table.jobs").get_by_text("cancelled").first.wait_for()
    assert not page.troubles


def test_an_avatar_is_made_and_speaks(browser, server, sent):
    page = opened(browser, server)
    page.get_by_role("tab", name="Live").click()
    page.locator("#new_avatar").get_by_role("button").first.click()
    page.locator("#new_avatar input[type=file]").set_input_files(sent / "脸 1.mp4")
    page.get_by_label("Name").fill("page_1")
    page.wait_for_timeout(500)
    page.get_by_role("button", name="Make the avatar").click()
    page.locator(".live select").filter(has_text="page_1").wait_for(state="attached")
    page.locator(".live select").select_option("page_1")
    page.locator(".live input[type=file]").set_input_files(sent / "middle.wav")
    page.wait_for_function("Number(document.querySelector('.live canvas').dataset.shown) > 20")
    page.get_by_role("button", name="Interrupt").click()
    page.locator(".live .state", has_text="listening to nobody").wait_for()
    page.get_by_role("button", name="Stop").click()
    page.locator(".live .state", has_text="stopped").wait_for()
    assert not page.troubles


@pytest.mark.parametrize("width", [1400, 400])
@pytest.mark.parametrize("language", TABS)
def test_every_tab_fits_and_speaks_the_browsers_language(browser, server, language, width):
    page = opened(browser, server, language, width)
    words = {
        "en": ("Video of a face", "New avatar", "Held-out pictures", "Report of a data set"),
        "zh-CN": ("人脸视频", "新建形象", "验证图片和视频", "数据集报告"),
    }
    for tab, word in zip(TABS[language], words[language], strict=True):
        page.get_by_role("tab", name=tab).click()
        page.get_by_text(word).first.wait_for()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.frame_locator("iframe.report").get_by_text("first.mp4").first.wait_for()
    page.get_by_role("tab", name=TABS[language][2]).click()
    page.get_by_text("val/mouth_psnr").first.wait_for()
    page.wait_for_function("document.querySelector('#samples video').readyState >= 1")
    page.wait_for_function("document.querySelector('#samples img').naturalWidth === 96")
    assert not page.troubles


def test_stages_and_their_curves(runs):
    newest, older = find_stages(runs)
    assert {newest.name, older.name} == {"first run/clip_64", "first run/frame_64"}
    found = curves([newest, older])
    assert list(found) == ["val/mouth_psnr", "mouth"] and len(found["mouth"]) == 5
    stage = next(stage for stage in (newest, older) if stage.name.endswith("clip_64"))
    assert [name.rpartition(".")[2] for name in stage.samples(9)] == ["mp4", "png"] and stage.options()["lr_g"] == 0.1


def test_only_what_runs_have_drawn_is_shown(server):
    for path in ("first run/clip_64/options.json", "../state/app/jobs.sqlite", "..%2f..%2fetc%2fpasswd"):
        assert server.http.get(f"/runs/{path}").status_code in (404, 400)
    assert server.http.get("/data/report", params={"name": "/etc"}).status_code == 404
    for address in ("/etc/passwd", f"{server.address}/api/status", "https://example.com/"):
        assert server.http.get(f"/gradio_api/file={address}").status_code in (403, 404)
