"""The tables of the pages are those of the results, and cannot be edited beside them."""

import json

import pytest

from benchmarks import tables
from config.errors import InputError


@pytest.mark.parametrize("page", tables.PAGES, ids=lambda page: page.name)
def test_every_table_is_what_the_results_say(page):
    text = page.read_text(encoding="utf-8")
    assert tables.with_tables(text) == text
    assert text.count("<!-- table:") == text.count("<!-- end -->") == len(tables.PLACE.findall(text))


def test_a_table_is_made_between_its_marks_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "RESULTS", tmp_path)
    seeds = [{"unpaired": {"lmd": 2.0, "jitter": 1.0}}, {"unpaired": {"lmd": 4.0, "jitter": 2.0}}]
    (tmp_path / "ablation_a.json").write_text(json.dumps({"recipes": {"demo": seeds}}))
    row = {"name": "dub", "unit": "frame", "seconds": 0.5, "least": 0.4, "most": 0.6}
    (tmp_path / "speed_b.json").write_text(json.dumps({"rows": [row]}))
    page = (
        "Above\n<!-- table: ablation_a.json unpaired lmd -->\nold\n<!-- end -->\n"
        "Between\n<!-- table: speed_b.json -->\n<!-- end -->"
    )
    lines = tables.with_tables(page).splitlines()
    assert lines[:2] == ["Above", "<!-- table: ablation_a.json unpaired lmd -->"]
    assert lines[2:6] == ["| | LMD (px) |", "| --- | --- |", "| demo | 3.000 ± 1.000 |", "<!-- end -->"]
    assert lines[6] == "Between" and "500.00 ms (400.00 to 600.00)" in lines[10] and lines[11] == "<!-- end -->"


def test_a_table_of_speed_shows_an_earlier_version_beside(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "RESULTS", tmp_path)
    row = {"name": "dub", "unit": "frame", "seconds": 0.5, "least": 0.4, "most": 0.6}
    new = row | {"name": "decode", "limit": 0.25, "limited_by": "copying"}
    part, other = row | {"name": "- paste", "seconds": 0.1}, row | {"name": "longer dub"}
    (tmp_path / "speed_b.json").write_text(json.dumps({"rows": [row, new, other, part]}))
    past = [row | {"seconds": 0.8}, part | {"seconds": 0.3}, other, part | {"seconds": 0.2}]
    (tmp_path / "speed_a.json").write_text(json.dumps({"rows": past}))
    lines = tables.with_tables("<!-- table: speed_b.json speed_a.json -->\n<!-- end -->").splitlines()
    assert "| before | now of before |" in lines[1]
    ends = [line.removesuffix(" |").split(" | ")[-2:] for line in lines[3:7]]
    assert ends == [["800.00 ms", "0.62"], ["", ""], ["500.00 ms", "1.00"], ["200.00 ms", "0.50"]]


def test_a_table_without_results_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "RESULTS", tmp_path)
    with pytest.raises(InputError, match="live_x.json is missing"):
        tables.with_tables("<!-- table: live_x.json -->\n<!-- end -->")
